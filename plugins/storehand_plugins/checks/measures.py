"""Amounts that mean the same in other units: 1 kg and 1000 g, 120 cm and 1.2 m."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

_SCALES: dict[str, dict[str, str]] = {
    "length": {"mm": "1", "cm": "10", "m": "1000", "km": "1000000", "in": "25.4", "ft": "304.8"},
    "mass": {"mg": "0.001", "g": "1", "kg": "1000", "jin": "500", "lb": "453.592", "oz": "28.3495"},
    "volume": {"ml": "1", "l": "1000"},
    "time": {
        "s": "1",
        "min": "60",
        "h": "3600",
        "day": "86400",
        "week": "604800",
        "month": "2628000",
        "year": "31536000",
    },
    "power": {"w": "1", "kw": "1000"},
    "data": {"mb": "1", "gb": "1000", "tb": "1000000"},
}
_UNITS = {unit: (dimension, Fraction(scale)) for dimension, scales in _SCALES.items() for unit, scale in scales.items()}
_TOLERANCE = Fraction(1, 100)
"""Shops round what they convert: 15.6 inches are 39.6 cm."""

_TOLERANCE_OF_TIME = Fraction(1, 50)
"""30 days are a month, and twelve months a year."""

_LONGEST = 40
"""Digits. Longer ones measure nothing, and exact sums with them are slow."""

Amount = tuple[str, Fraction]


def dimension_of(unit: str) -> str:
    """What the unit measures; the unit itself where nothing converts into it."""
    return _UNITS[unit][0] if unit in _UNITS else unit


@lru_cache(maxsize=4096)
def amount_of(value: str, unit: str) -> Amount | None:
    """The dimension and the amount in its smallest unit; none for what cannot be converted."""
    if unit not in _UNITS:
        return None
    dimension, scale = _UNITS[unit]
    if len(value) > _LONGEST:
        return None
    whole, _, part = value.rpartition("-")
    try:
        return dimension, (Fraction(part) + (Fraction(whole) if whole else 0)) * scale
    except (ValueError, ZeroDivisionError):
        return None


def is_same(one: Amount, other: Amount) -> bool:
    """Within what rounding may change."""
    tolerance = _TOLERANCE_OF_TIME if one[0] == "time" else _TOLERANCE
    return one[0] == other[0] and abs(one[1] - other[1]) <= tolerance * max(abs(one[1]), abs(other[1]))
