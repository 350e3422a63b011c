"""Amounts and percentages as a market writes them; the digits are the shop's own."""

from __future__ import annotations

from decimal import Decimal

_SYMBOLS = {
    "CNY": "¥",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "JP¥",
    "HKD": "HK$",
    "TWD": "NT$",
    "AUD": "A$",
    "CAD": "C$",
    "SGD": "S$",
    "NZD": "NZ$",
}


def plain(number: str) -> str:
    """Without zeros that say nothing: "20.00" is 20, "12.50" is 12.5."""
    return format(Decimal(number).normalize(), "f")


def money(amount: str, currency: str, *, is_chinese: bool) -> str:
    """¥199, $19.90, €1,299; an unknown currency is written with its code."""
    text = plain(amount)
    if not is_chinese:
        whole, _, part = text.partition(".")
        text = f"{int(whole):,}" + (f".{part:0<2}" if part else "")
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{currency} {text}"


def zhe(percent_off: str) -> str:
    """The Chinese way to say a discount: 20 % off is 8折, 15 % off 85折, 12.5 % off 8.75折."""
    left = 100 - Decimal(percent_off)
    if left == left.to_integral_value() and left >= 10:
        return f"{int(left) // 10 if left % 10 == 0 else int(left)}折"
    return f"{plain(str(left / 10))}折"
