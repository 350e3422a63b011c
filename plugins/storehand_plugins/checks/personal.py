"""Personal data in Chinese and English text: where it stands, and the text with it masked.

Numbers are told apart by their check digits and by the words around them: an order number, a barcode or a price is
nobody's. Names are not looked for: without a dictionary of people every second product would be one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.identifiers import is_bank_card, is_resident_id

PersonalKind = Literal["email", "phone", "id_card", "bank_card", "passport", "account", "ip", "address"]


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
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True
    is_number: bool = False


def _digits(text: str) -> str:
    return re.sub(r"[\s().-]", "", text)


# Han characters are word characters: \b would miss a number glued to them.
_LEFT, _RIGHT = r"(?<![0-9a-z])", r"(?![0-9a-z])"
_NO_DECIMAL = r"(?<![0-9][.,])"
_STREET = "大道|大街|路|街|巷|弄|胡同|村|镇|乡|小区|花园|公寓|大厦|广场|苑"
_DOOR = r"[0-9一二三四五六七八九十百]{1,5}(?:号楼|号|栋|幢|单元|室|楼|层|座|弄)"
_ADDRESS_ZH = re.compile(
    rf"(?:[\u4e00-\u9fff]{{2,7}}(?:省|自治区|市))[\u4e00-\u9fff]{{2,10}}?(?:区|县|旗|市|镇)[\u4e00-\u9fff0-9]{{1,12}}?(?:{_STREET})(?:\s?{_DOOR})*"
    rf"|(?<=[\u4e00-\u9fff])(?:{_STREET})\s?(?=[0-9一-十号楼层座\s-]{{0,16}}(?:号|室|单元|栋|幢|弄))(?:{_DOOR}[\s-]?){{1,6}}(?:[0-9]{{1,4}}室?)?"
)
_ADDRESS_EN = re.compile(
    r"""
    (?<![0-9a-z.])[0-9]{1,5}\s(?:[nsew]\.?\s)?(?:[a-z]{2,20}\s){1,3}
    (?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|square|terrace)(?![a-z])\.?
    (?:,?\s(?:apt|apartment|suite|unit|flat|no)\.?\s?\#?[0-9a-z]{1,6})?(?:,\s[a-z][a-z\s]{1,25},?\s[a-z]{2}\s[0-9]{5})?
    """,
    re.VERBOSE,
)
_LEAD = re.compile(r"地址|住址|住在?|[寄送发]到|[寄送发]往|位于|家在|在|是|为|到|给")
_STREET_FALSE = re.compile(r"^[0-9]+ (?:way|piece|pack|inch|day|hour|minute|year|star|on|in|of|for|the|per|and|to|a)\b")

_FINDERS = (
    _Finder("email", re.compile(r"(?<![a-z0-9._%+-])[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}")),
    _Finder("id_card", re.compile(rf"{_LEFT}(?:[1-9][0-9]{{16}}[0-9x]|[1-9][0-9]{{14}}){_RIGHT}"), is_resident_id, True),
    _Finder(
        "id_card",
        re.compile(rf"{_LEFT}(?:ssn|social security(?: number| no\.?)?)[:\s#]{{1,3}}(?P<what>[0-9]{{3}}-?[0-9]{{2}}-?[0-9]{{4}})"),
    ),
    _Finder("bank_card", re.compile(rf"{_LEFT}[2-6][0-9]{{3}}(?:[\s-]?[0-9]{{2,6}}){{2,4}}{_RIGHT}"), is_bank_card, True),
    _Finder("passport", re.compile(rf"(?:护照|passport)[^0-9a-z]{{0,3}}(?:号码?|no\.?|number)?[^0-9a-z]{{0,3}}(?P<what>[a-z]{{1,2}}[0-9]{{7,8}}){_RIGHT}")),
    _Finder("phone", re.compile(rf"{_NO_DECIMAL}{_LEFT}(?:\(?(?:\+|00)86\)?[\s-]?)?1[3-9][0-9][\s-]?[0-9]{{4}}[\s-]?[0-9]{{4}}{_RIGHT}"), is_number=True),
    _Finder("phone", re.compile(rf"{_LEFT}\(?0(?:10|2[0-9]|[3-9][0-9]{{2}})\)?[\s-][2-8][0-9]{{2,3}}[\s-]?[0-9]{{4}}(?:(?:-|转)[0-9]{{1,5}})?{_RIGHT}"), is_number=True),
    _Finder("phone", re.compile(rf"(?<![0-9a-z+])\+[1-9](?:[\s.()-]{{0,2}}[0-9]){{7,14}}{_RIGHT}")),
    _Finder("phone", re.compile(rf"{_LEFT}(?<![0-9]-)(?:1[\s.-])?(?:\([2-9][0-9]{{2}}\)\s?|[2-9][0-9]{{2}}[.-])[2-9][0-9]{{2}}[\s.-][0-9]{{4}}{_RIGHT}(?!-[0-9])"), is_number=True),
    _Finder("phone", re.compile(rf"(?:电话|手机号?码?|座机|固话|联系方式|tel|phone|call(?: me)?(?: at| on)?)[:\s是为]{{0,3}}(?P<what>[0-9][0-9\s-]{{5,13}}[0-9]){_RIGHT}"), lambda text: 7 <= len(_digits(text)) <= 12, True),
    _Finder("account", re.compile(rf"(?:微信|wechat|weixin|加v|加薇|薇信|威信|v信|vx|wx)(?:号|id|是|为|[:\s]){{0,4}}(?P<what>[a-z][a-z0-9_-]{{5,19}}){_RIGHT}"), lambda text: text not in _WORDS),
    _Finder("account", re.compile(rf"(?<![a-z])(?:qq|扣扣|企鹅)(?:号|群|是|为|[:\s]){{0,4}}(?P<what>[1-9][0-9]{{4,10}}){_RIGHT}")),
    _Finder("ip", re.compile(r"(?<![0-9.a-z])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(?![0-9]|\.[0-9])"), lambda text: not text.startswith(("0.", "127."))),
    _Finder("address", _ADDRESS_ZH),
    _Finder("address", _ADDRESS_EN, lambda text: not _STREET_FALSE.search(text)),
)  # fmt: skip
_WORDS = frozenset("payment official mini program account support store group message service number".split())
_NOT_A_PERSONS = re.compile(
    r"(?:订单|单号|运单|快递|物流|流水|交易|货号|条码|条形码|型号|sku|gtin|ean|upc|isbn|order|tracking|waybill|invoice|item|serial|model"
    r"|part|ref|reference|version|v)(?:\s?(?:编号|号码|号|number|no\.?|id|#))?[\s:#是为]{0,3}$"
)


def find_personal(text: str) -> list[Personal]:
    """All personal data in order, none overlapping; spelt in any width, with spaces, dashes or hidden characters."""
    folded = fold_visible(text)
    taken: list[tuple[int, int]] = []
    found: list[Personal] = []
    for finder in _FINDERS:
        for match in finder.pattern.finditer(folded.text):
            first, last = match.span("what" if "what" in finder.pattern.groupindex else 0)
            said = folded.text[first:last]
            said = said.strip()
            last = first + len(said)
            if finder.pattern is _ADDRESS_ZH:
                first = _start_of_address(folded.text, first)
            if not finder.holds(_digits(said) if finder.is_number else said) or any(
                a < last and first < b for a, b in taken
            ):
                continue
            if finder.kind not in ("email", "address") and _NOT_A_PERSONS.search(
                folded.text[max(0, first - 24) : first]
            ):
                continue
            taken.append((first, last))
            start, end = folded.span(first, last)
            found.append(Personal(start, end, text[start:end], finder.kind))
    return sorted(found, key=lambda each: each.start)


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
