"""Checks of what producers give for a job's columns: names, priority, times."""

from __future__ import annotations

from typing import Any

from storehand.errors import InvalidInput
from storehand.job import Priority

_EPOCH_FROM, _EPOCH_TO = 1e9, 1e11  # 2001 to the year 5138


def checked_priority(value: Any) -> Priority:
    try:
        return Priority(value)
    except ValueError:
        raise InvalidInput(f"priority {_short(value)} is none of {', '.join(Priority)}") from None


def checked_epoch(value: Any, name: str) -> float | None:
    """Epoch seconds, or none. Refuses what is no finite number, and small numbers that were meant as a distance."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _EPOCH_FROM <= value < _EPOCH_TO:
        raise InvalidInput(f"{name} must be a time in epoch seconds, not {_short(value)}")
    return float(value)


def checked_name(value: Any, name: str, max_chars: int) -> Any:
    """A text column; none stays none."""
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= max_chars or not value.isprintable():
        raise InvalidInput(f"{name} must be a text of 1 to {max_chars} printable characters")
    return value


def _short(value: Any) -> str:
    return repr(value)[:60]
