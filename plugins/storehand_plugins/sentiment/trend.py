"""The mean score by period of publication, each review in its own time zone: what its shopper called January."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from storehand.contracts.sentiment import TrendPeriod

Period = Literal["day", "week", "month", "quarter", "year"]


def trend(scores: Iterable[tuple[datetime | None, float]], period: Period) -> tuple[TrendPeriod, ...]:
    """In order of time; what has no date is left out, a date in the future counts as it was given."""
    by_period: dict[str, list[float]] = defaultdict(list)
    for published, score in scores:
        if published is not None:
            by_period[period_of(published, period)].append(score)
    return tuple(TrendPeriod(period=name, mean=_mean(found), n=len(found)) for name, found in sorted(by_period.items()))


def period_of(published: datetime, period: Period) -> str:
    """`2026`, `2026-Q3`, `2026-11`, `2026-W47` (ISO: weeks begin on Monday and have their own year) or `2026-11-22`."""
    day = published
    match period:
        case "year":
            return f"{day.year:04d}"
        case "quarter":
            return f"{day.year:04d}-Q{(day.month + 2) // 3}"
        case "month":
            return f"{day.year:04d}-{day.month:02d}"
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case "day":
            return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def _mean(scores: list[float]) -> float:
    return max(-1.0, min(1.0, round(sum(scores) / len(scores), 4)))
