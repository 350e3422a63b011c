"""Personal data in Chinese and English text: where it stands, and the text with it masked.

Numbers are told apart by their check digits and by the words around them: an order number, a barcode or a price is
nobody's. Names are not looked for: without a dictionary of people every second product would be one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from storehand_plugins.checks.folding import Folded
from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.identifiers import is_bank_card, is_iban, is_resident_id
from storehand_plugins.checks.tables import read_table

PersonalKind = Literal["email", "phone", "id_card", "bank_card", "bank_account", "passport", "account", "ip", "address"]


@dataclass(frozen=True, slots=True)
class Personal:
    """Characters `start` to `end` of the original text. `account` is a WeChat or QQ name."""

    start: int
    end: int
    text: str
    kind: PersonalKind


class _Finder(NamedTuple):
    """A pattern over folded text; its group `what`, where it has one, is the finding."""

    kind: PersonalKind
    check: str
    pattern: re.Pattern[str]


_STREET = "大道|大街|路|街|巷|弄|胡同|村|镇|乡|小区|花园|公寓|大厦|广场|苑"
_DOOR = r"[0-9一二三四五六七八九十百]{1,5}(?:号楼|号|栋|幢|单元|室|楼|层|座|弄)"
_PARTS = {"LEFT": "(?<![0-9a-z])", "RIGHT": "(?![0-9a-z])", "STREET": _STREET, "DOOR": _DOOR}
_LEAD = re.compile(r"地址|住址|住在?|[寄送发]到|[寄送发]往|位于|家在|在|是|为|到|给")
_NO_ACCOUNT = frozenset(("payment", "official", "program", "account", "support", "message", "service", "number"))
_NOT_A_PERSONS = re.compile(
    r"(?:订单|单号|运单|快递|物流|流水|交易|货号|条码|条形码|型号|sku|gtin|ean|upc|isbn|order|tracking|waybill|invoice"
    r"|item|serial|model|part|ref|reference|version|firmware|v)(?:\s?(?:编号|号码|号|number|no\.?|id|\#))?[\s:\#是为]{0,3}$"
)


def _digits(text: str) -> str:
    return re.sub(r"[\s().-]", "", text)


_CHECKS: dict[str, Callable[[str], bool]] = {
    "resident_id": is_resident_id,
    "bank_card": lambda said: is_bank_card(_digits(said)),
    "card": lambda said: len(set(_digits(said))) > 1,
    "iban": lambda said: is_iban(_digits(said)),
    "phone": lambda said: 7 <= len(_digits(said)) <= 12,
    "account": lambda said: said.lower() not in _NO_ACCOUNT,
    "ip": lambda said: not said.startswith(("0.", "127.")) and len(said) > 8,  # 5.4.3.2 counts down
    "address_en": lambda said: bool(re.match(r"[0-9]+\s(?:[NSEW]\.?\s)?[A-Z]", said)),
}
"""Of what the text says at the place, in its own letters."""


def find_personal(text: str) -> list[Personal]:
    """All personal data in order, none overlapping; spelt in any width, with spaces, dashes or hidden characters."""
    folded = fold_visible(text).condensed()
    found: list[Personal] = []
    taken = bytearray(len(text))
    for finder in _finders():
        for start, end in _places(text, folded, finder):
            if not any(taken[start:end]):
                taken[start:end] = b"1" * (end - start)
                found.append(Personal(start, end, text[start:end], finder.kind))
    return sorted(found, key=lambda each: each.start)


def _places(text: str, folded: Folded, finder: _Finder) -> Iterator[tuple[int, int]]:
    holds = _CHECKS.get(finder.check, bool)
    for match in finder.pattern.finditer(folded.text):
        first, last = match.span("what" if "what" in finder.pattern.groupindex else 0)
        last = first + len(folded.text[first:last].rstrip())
        if finder.check == "address_zh":
            first = _start_of_address(folded.text, first)
        start, end = folded.span(first, last)
        said = text[start:end] if finder.check == "address_en" else folded.text[first:last]
        named = finder.kind not in ("email", "address") and _NOT_A_PERSONS.search(
            folded.text[max(0, first - 24) : first]
        )
        if holds(said) and not named:
            yield start, end


@lru_cache(maxsize=1)
def _finders() -> tuple[_Finder, ...]:
    data = read_table("personal")
    return tuple(_Finder(each["kind"], each.get("check", ""), _compiled(each["pattern"])) for each in data["finder"])


def _compiled(pattern: str) -> re.Pattern[str]:
    pattern = re.sub("|".join(_PARTS), lambda match: _PARTS[match.group()], pattern)
    return re.compile(pattern.replace("\n", ""))


def _start_of_address(text: str, street: int) -> int:
    """Back over the Chinese words in front, to "address:", "lives in" or what is no word."""
    start = street
    while start > 0 and street - start < 24 and "\u4e00" <= text[start - 1] <= "\u9fff":
        start -= 1
    leads = [match.end() for match in _LEAD.finditer(text, start, street)]
    return max(leads, default=start)


def mask_personal(text: str) -> str:
    """The text with personal data made unreadable, as long as it was: 138****5678, j***@example.com, 北京市******."""
    pieces, last = [], 0
    for each in find_personal(text):
        pieces += [text[last : each.start], _masked(each)]
        last = each.end
    return "".join([*pieces, text[last:]])


def _masked(personal: Personal) -> str:
    text, kind = personal.text, personal.kind
    if kind == "email":
        name, at, host = re.split(r"([@＠])", text, maxsplit=1)
        return name[:1] + "*" * max(len(name) - 1, 1) + at + host
    if kind == "address":
        city = re.match(r"(?:北京|上海|天津|重庆)市?|[\u4e00-\u9fff]{2,6}?[省市]", text)
        kept = city.end() if city else 0
        return text[:kept] + re.sub(r"\S", "*", text[kept:])
    shown = {
        "phone": (3, 4),
        "id_card": (3, 4),
        "bank_card": (4, 4),
        "account": (1, 0),
        "bank_account": (4, 4),
        "passport": (1, 2),
        "ip": (0, 0),
    }
    return _starred(text, *shown[kind])


def _starred(text: str, before: int, after: int) -> str:
    """Letters and digits become stars but for some at both ends; never more than half stays readable."""
    places = [index for index, char in enumerate(text) if char.isalnum()]
    if (before + after) * 2 > len(places) + 3:
        before, after = min(before, 1), min(after, 2)
    hidden = set(places[before : len(places) - after])
    return "".join("*" if index in hidden else char for index, char in enumerate(text))
