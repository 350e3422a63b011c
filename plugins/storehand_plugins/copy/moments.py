"""Dates and times of an offer, in its own zone, as the locale writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAY_ENDS = (23, 59)
_DAY_STARTS = (0, 0)


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in time in three lengths; each is right by itself."""

    full: str
    medium: str
    short: str

    @property
    def wordings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.full, self.medium, self.short)))


def moment(when: datetime, locale: str, *, is_end: bool) -> Moment:
    """With the clock time, unless the day's own border says it: an end at 23:59, a start at 0:00."""
    borders = (when.hour, when.minute) == (_DAY_ENDS if is_end else _DAY_STARTS)
    if locale.lower().startswith("zh"):
        clock = f"{when.hour}:{when.minute:02d}"
        day = f"{when.month}月{when.day}日"
        medium = day if borders and not is_end else day + clock
        return Moment(f"{when.year}年{medium}", medium, day if borders else medium)
    clock = "" if borders else ", " + _english_clock(when, locale)
    month = _MONTHS[when.month - 1]
    if locale.lower() in ("en-us", "en-ca"):
        short = f"{month} {when.day}"
        return Moment(f"{short}, {when.year}{clock}", short + clock, short + clock)
    short = f"{when.day} {month}"
    return Moment(f"{short} {when.year}{clock}", short + clock, short + clock)


def _english_clock(when: datetime, locale: str) -> str:
    if locale.lower() in ("en-us", "en-ca"):
        half = "AM" if when.hour < 12 else "PM"
        return f"{(when.hour - 1) % 12 + 1}:{when.minute:02d} {half}"
    return f"{when.hour}:{when.minute:02d}"
