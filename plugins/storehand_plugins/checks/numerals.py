"""Numbers written as words."""

from __future__ import annotations

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TIES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ENGLISH: dict[str, str] = {
    **{word: str(value) for value, word in enumerate((*_ONES, *_TEENS), start=1) if word != "one"},
    **{word: str(10 * value) for value, word in enumerate(_TIES, start=2)},
    **{
        f"{tens}{space}{one}": str(10 * ten + unit)
        for ten, tens in enumerate(_TIES, start=2)
        for unit, one in enumerate(_ONES[:9], start=1)
        for space in ("-", " ")
    },
    "dual": "2",
    "double": "2",
    "twin": "2",
    "twice": "2",
    "triple": "3",
    "quad": "4",
    "dozen": "12",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
}
"""A single "one" is an article or a pronoun as often as a number."""

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_LONGEST = 24
"""Characters. No amount in a shop is longer, and each 万 of a row of them multiplies what stood before."""
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}


def chinese_value(numeral: str) -> str | None:
    """The canonical number of a Chinese numeral (五千 -> 5000, 三点五 -> 3.5, 二〇二四 -> 2024); none for nonsense."""
    if len(numeral) > _LONGEST:
        return None
    whole, _, part = numeral.partition("点")
    if part:
        base = chinese_value(whole)
        digits = "".join(str(_DIGITS[char]) for char in part if char in _DIGITS).rstrip("0")
        return base if base is None or not digits else f"{base}.{digits}"
    if all(char in _DIGITS for char in whole):
        return str(int("".join(str(_DIGITS[char]) for char in whole))) if whole else None
    total = section = digit = 0
    for char in whole:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _TENS:
            section += (digit or 1) * _TENS[char]
            digit = 0
        else:
            total = (total + section + digit or 1) * _MYRIADS[char]
            section = digit = 0
    return str(total + section + digit)
