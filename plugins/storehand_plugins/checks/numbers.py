"""Numbers in English and Chinese text, and those that nothing in the input supports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from storehand_plugins.checks.folding import fold
from storehand_plugins.checks.measures import Amount, amount_of, is_same
from storehand_plugins.checks.numerals import ENGLISH, chinese_value
from storehand_plugins.checks.units import HAN_UNITS, UNITS

_UNITS = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True) if not unit[0].isalpha()) or "%"
_HAN_UNIT = "|".join(HAN_UNITS)
_NUMERAL = "零〇一二两三四五六七八九十百千万亿"
_CLASSIFIER = "款种重大档倍代核频枚支位颗粒块瓶盒箱双对门缸口座孔针轴寸折成格骨"
_PAIRED = "摄卡核频层面模麦人门向通屏缸开扬卫头"

_PATTERN = re.compile(
    rf"""
    (?P<code>(?<![a-z0-9])[a-z]+(?:-?[0-9][a-z0-9]*)+(?:-[a-z0-9]+)*)
  | (?P<number>(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)(?:[-\s][0-9]+/[0-9]+|/[0-9]+)?)
    (?:[\s-]?(?P<unit>(?:{_HAN_UNIT})|(?:{_UNITS})|(?!x[0-9])(?:[a-z]{{1,5}}(?=x[0-9])|[a-z]+[0-9]?)))?
  | (?P<pair>双(?=[{_PAIRED}])|[三四](?=摄))
  | (?P<han>[{_NUMERAL}]+(?:点[{_NUMERAL}]+)?)(?P<hanunit>{_HAN_UNIT}|[{_CLASSIFIER}])?
  | (?<![a-z])(?P<word>{"|".join(sorted(ENGLISH, key=len, reverse=True))})(?![a-z])
    """,
    re.VERBOSE,
)
_ONE_MEANS_ONE = frozenset(("year", "month", "week", "h", "m", "kg", "g", "l", "cm", "in", "tb", "kw", "x"))
"""Units with which 一 is a number; elsewhere (一款, 一天, 一个) it is an article."""

Kind = Literal["number", "unit"]


@dataclass(frozen=True, slots=True)
class Number:
    """One number at `start`..`end` of the original text. `value` is canonical ("1299", "6.7", "9/16", or a model
    code), `unit` canonical or as written, empty without one."""

    start: int
    end: int
    value: str
    unit: str = ""
    is_code: bool = False


def find_numbers(text: str) -> list[Number]:
    """All numbers: digits of any width, decimals, fractions, per cent, model codes, Chinese and English numerals."""
    return list(_found(text))


@lru_cache(maxsize=1024)
def _found(text: str) -> tuple[Number, ...]:
    folded = fold(text)
    found: list[Number] = []
    for match in _PATTERN.finditer(folded.text):
        read = _read(match)
        if read is None:
            continue
        value, unit, is_code, last = read
        start, end = folded.span(match.start(), last)
        if not found or start >= found[-1].end:  # the ½ of A½ would count twice
            found.append(Number(start, end, value, unit, is_code))
    return tuple(found)


def _read(match: re.Match[str]) -> tuple[str, str, bool, int] | None:
    if match["code"]:
        return match["code"].replace("-", ""), "", True, match.end()
    if match["number"]:
        return _digits(match)
    if match["pair"]:
        return chinese_value(match["pair"].replace("双", "二")) or "2", "", False, match.end()
    if match["word"]:
        return ENGLISH[match["word"]], "", False, match.end()
    unit = match["hanunit"] or ""
    value = chinese_value(match["han"])
    if value is None or (value == "1" and UNITS.get(unit) not in _ONE_MEANS_ONE):
        return None
    if not unit and len(match["han"]) < 2:
        return None  # 三餐, 四季, 十分: words, not counts
    if not unit and not set(match["han"]) & set("十百千万亿点"):
        return None
    if not unit and match["han"] in ("千万", "万千", "百万", "万一", "千百", "十万", "亿万"):
        return None
    return value, UNITS.get(unit, unit), False, match.end()


def _digits(match: re.Match[str]) -> tuple[str, str, bool, int]:
    raw = match["number"].replace(",", "")
    value = re.sub(r"\s", "-", raw) if "/" in raw else _plain(raw)
    unit = match["unit"] or ""
    is_glued = bool(unit) and match.string[match.end("number")] == unit[0]
    if unit in UNITS and (is_glued or unit not in ("in", "s", "c", "x", "f")):
        return value, UNITS[unit], False, match.end()
    if unit and is_glued and unit[0].isalpha() and unit.isascii():
        return value, unit, False, match.end()  # 5g, 4k, 1080p
    return value, "", False, match.end("number")


def _plain(raw: str) -> str:
    whole, _, part = raw.partition(".")
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{part}" if part else "")


def unsupported_numbers(text: str, sources: Iterable[str]) -> list[tuple[Number, Kind]]:
    """Numbers of `text` that no source has (`number`), or has only with another unit (`unit`), in order.

    The same amount in another unit is supported (1.2 m by 120 cm), and a code where a source has it in any spacing.
    """
    known, amounts, squashed = _known(tuple(sources))
    wrong: list[tuple[Number, Kind]] = []
    for number in find_numbers(text):
        if number.is_code and any(_has_code(number.value, source) for source in squashed):
            continue
        amount = amount_of(number.value, number.unit)
        if amount and any(is_same(amount, each) for each in amounts):
            continue
        units = known.get(number.value)
        if units is None:
            wrong.append((number, "number"))
        elif number.unit and number.unit not in units and units - {""}:
            wrong.append((number, "unit"))
    return wrong


@lru_cache(maxsize=256)  # every field and variant of a product is held against the same sources
def _known(sources: tuple[str, ...]) -> tuple[Mapping[str, set[str]], Sequence[Amount], Sequence[str]]:
    """Units by value, amounts, and the texts in which codes are looked for."""
    given = [number for source in sources for number in find_numbers(source)]
    units: dict[str, set[str]] = {}
    for number in given:
        units.setdefault(number.value, set()).add(number.unit)
    amounts = [amount for number in given if (amount := amount_of(number.value, number.unit))]
    return units, amounts, [fold(source).squashed().text for source in sources]


def _has_code(code: str, source: str) -> bool:
    place = source.find(code)
    while place >= 0 and source[place + len(code) : place + len(code) + 1].isdecimal():
        place = source.find(code, place + 1)
    return place >= 0
