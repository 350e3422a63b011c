"""Numbers written as words."""

from __future__ import annotations

_ONES = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ENGLISH: dict[str, str] = {word: str(value) for value, word in enumerate(_ONES, start=2)} | {
    "dual": "2",
    "double": "2",
    "twin": "2",
    "twice": "2",
    "triple": "3",
    "quad": "4",
    "dozen": "12",
    "fifteen": "15",
    "twenty": "20",
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
}

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}


def chinese_value(numeral: str) -> str | None:
    """The canonical number of a Chinese numeral (五千 -> 5000, 三点五 -> 3.5, 二〇二四 -> 2024); none for nonsense."""
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
