"""Turns the cells of shops' files into the values contracts want: prices, dates, lists, audiences, plain text."""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata
from datetime import UTC, date, datetime, time, tzinfo
from html.parser import HTMLParser
from typing import Any

_LIST_SIGNS = re.compile(r"\s*(?:\r\n?|\n|[|;；、])\s*")
_PRICE = re.compile(r"(?P<before>[^\d.,\-]*?)\s*(?P<amount>\d[\d.,'\s]*)\s*(?P<after>[^\d]*)")
_SYMBOLS = {"€": "EUR", "£": "GBP", "us$": "USD", "hk$": "HKD", "rmb": "CNY", "元": "CNY", "人民币": "CNY", "₩": "KRW"}
_STAR_RATING = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/|out of|von)?\s*(\d+)?\s*(?:stars?|星|分)?", re.IGNORECASE)
_GENDERS = {
    "female": ("female", "f", "women", "woman", "womens", "women's", "ladies", "girls", "girl",
               "女", "女士", "女性", "女款", "女童"),
    "male": ("male", "m", "men", "man", "mens", "men's", "boys", "boy", "男", "男士", "男性", "男款", "男童"),
    "unisex": ("unisex", "u", "all", "both", "中性", "通用", "男女通用", "男女同款", "不限"),
}  # fmt: skip
_AGES = {
    "newborn": (0, 0.25), "infant": (0.25, 1), "toddler": (1, 5), "kids": (5, 13), "adult": (None, None),
    "新生儿": (0, 0.25), "婴儿": (0.25, 1), "幼儿": (1, 5), "儿童": (5, 13), "成人": (None, None),
}  # fmt: skip
"""Merchant Center's age groups in years. For adults it says nothing that a text should repeat."""

_AVAILABILITY = {
    "instock": "InStock", "1": "InStock", "yes": "InStock", "有货": "InStock", "现货": "InStock", "true": "InStock",
    "outofstock": "OutOfStock", "0": "OutOfStock", "no": "OutOfStock", "缺货": "OutOfStock", "false": "OutOfStock",
    "preorder": "PreOrder", "预售": "PreOrder", "backorder": "BackOrder",
    "discontinued": "Discontinued", "下架": "Discontinued",
}  # fmt: skip
_BOOLEANS = {"是": True, "否": False, "对": True, "有": True, "无": False, "✓": True, "x": True}
_DATES = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y年%m月%d日",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S %Z",
    "%Y%m%d",
)
_EPOCH_FROM_S = 1e8
_EPOCH_FROM_MS = 1e11


def is_empty(value: Any) -> bool:
    """What a spreadsheet shows as an empty cell."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value in ([], {}, ())


def folded(text: str) -> str:
    """For comparing words: width, case, spaces and punctuation do not count."""
    kept = unicodedata.normalize("NFKC", text).casefold().strip()
    return re.sub(r"[\s_\-:：()（）\[\]【】*#./\\]+", "", kept)


def as_text(value: Any) -> Any:
    """A cell as text; schema.org's named things (`{"@type": "Brand", "name": …}`) by their name."""
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return value["name"]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 1001.0 is what a table library makes of a number in a column with gaps
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and len(value) == 1:
        return as_text(value[0])
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return ", ".join(map(str, value))
    return value.strip() if isinstance(value, str) else value


def as_list(value: Any) -> Any:
    """Several texts of one cell: a JSON list, else cut at line breaks, `|`, `;`, `、`; only if there is none of these,
    at commas, where quotes protect commas as in Merchant Center's feeds."""
    if not isinstance(value, str):
        return value if isinstance(value, list) else [as_text(value)]
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    if _LIST_SIGNS.search(text):
        parts = _LIST_SIGNS.split(text)
    else:
        parts = next(csv.reader([text.replace("，", ",")], skipinitialspace=True), [])
    return [part.strip(" •·-*\t") for part in parts if part.strip(" •·-*\t")]


def as_json(value: Any) -> Any:
    """An object or list that stands in a cell as JSON; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def as_price(value: Any) -> tuple[Any, str | None]:
    """Amount and currency of `19.90 USD`, `¥199`, `1.299,00 €`; the currency none where the cell names none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value, None
    text = unicodedata.normalize("NFKC", str(value)).strip()
    found = _PRICE.fullmatch(text)
    if found is None:
        return text, None
    return _amount(found["amount"]), _currency(found["before"]) or _currency(found["after"])


def _amount(text: str) -> str:
    """The last sign is a decimal one unless three digits follow it, or it comes twice."""
    text = re.sub(r"['\s]", "", text).rstrip(".,")
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return text
    sign, digits = text[last], text[last + 1 :]
    other = "," if sign == "." else "."
    is_group = text.count(sign) > 1 or (len(digits) == 3 and (sign == "," or other in text))
    return re.sub(r"[.,]", "", text) if is_group else re.sub(r"[.,]", "", text[:last]) + "." + digits


def _currency(text: str) -> str | None:
    word = text.strip().casefold()
    if re.fullmatch(r"[a-z]{3}", word) and word != "rmb":
        return word.upper()
    return {"$": "USD", "¥": "CNY", "¥ ": "CNY", **_SYMBOLS}.get(word)


def as_gender(value: Any) -> Any:
    word = str(value).strip().casefold()
    return next((gender for gender, words in _GENDERS.items() if word in words), value)


def as_ages(value: Any) -> dict[str, Any]:
    """`suggestedMinAge` and `suggestedMaxAge` of an age group; empty for a word that is none."""
    low, high = _AGES.get(str(value).strip().casefold(), (None, None))
    ages = {"suggestedMinAge": low, "suggestedMaxAge": high}
    return {name: age for name, age in ages.items() if age is not None}


def as_availability(value: Any) -> Any:
    text = str(value).rsplit("/", 1)[-1] if "schema.org" in str(value) else str(value)
    return _AVAILABILITY.get(folded(text), value)


def as_boolean(value: Any) -> Any:
    return _BOOLEANS.get(value.strip().casefold(), value.strip()) if isinstance(value, str) else value


def as_rating(value: Any) -> Any:
    """`4`, `4.5/5`, `4 stars`, `四星` is left to the contract; `★★★★☆` counts its stars."""
    if isinstance(value, int | float):
        return {"ratingValue": value}
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text and not text.strip("★☆⭐ "):
        return {"ratingValue": len(re.findall("[★⭐]", text))}
    found = _STAR_RATING.fullmatch(text)
    if found is None:
        return as_json(text)
    rating = {"ratingValue": found[1].replace(",", ".")}
    return {**rating, "bestRating": found[2]} if found[2] else rating


def as_moment(value: Any, zone: tzinfo) -> Any:
    """ISO 8601 with a zone: dates as the shop writes them get `zone`, epoch seconds and milliseconds are UTC."""
    if isinstance(value, date):  # parquet
        moment = value if isinstance(value, datetime) else datetime.combine(value, time(), zone)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
    text = str(value).strip()
    if re.fullmatch(r"\d{9,14}(\.\d+)?", text):
        seconds = float(text) / (1000 if float(text) >= _EPOCH_FROM_MS else 1)
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds >= _EPOCH_FROM_S else text
    for read in (datetime.fromisoformat, *(_reader(form) for form in _DATES)):
        try:
            moment = read(text)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
    return value


def _reader(form: str) -> Any:
    return lambda text: datetime.strptime(text, form)  # noqa: DTZ007  # the zone is added by the caller


def as_details(value: Any) -> Any:
    """Merchant Center's product_detail, `section:name:value,…`, as named attributes; JSON as it is."""
    value = as_json(value)
    if not isinstance(value, str):
        return value
    found = []
    for part in as_list(value):
        name, _, told = part.rpartition(":") if part.count(":") != 1 else part.partition(":")
        name = name.rpartition(":")[2].strip()
        if name and told.strip():
            found.append({"name": name, "value": told.strip()})
    return found


class _Words(HTMLParser):
    """Collects what a browser would show."""

    _BLOCKS = frozenset({"p", "br", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("script", "style")
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(0, self._hidden - 1)
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain(value: Any) -> Any:
    """Text without its HTML."""
    value = as_text(value)
    if not isinstance(value, str) or not re.search(r"<[a-zA-Z/!]|&\w+;|&#", value):
        return value
    words = _Words()
    words.feed(value)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).split("\n"))
    return "\n".join(line for line in lines if line)
