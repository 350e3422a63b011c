"""What a bulk run counts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_REASONS = 100
"""Different failures that are remembered for the summary."""


@dataclass(slots=True)
class Tally:
    """`total` counts the rows to come where that is known. `found` counts answers that were there already, `filled`
    rows that need none. Times are monotonic seconds."""

    total: int | None = None
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Code and message of failures; different ones up to a limit."""
    rejected: int = 0
    found: int = 0
    found_failed: int = 0
    filled: int = 0
    superseded: int = 0
    tokens: int = 0
    coverage_sum: float = 0.0
    coverage_n: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stopped: str = ""
    """`interrupted` or `strict` where the run did not go to the file's end."""

    @property
    def failures(self) -> int:
        return self.failed.total()

    @property
    def settled(self) -> int:
        """Rows that need nothing more from this run."""
        return self.done + self.rejected + self.found + self.filled

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.began

    @property
    def rate(self) -> float:
        """Rows answered per second."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def coverage(self) -> float | None:
        return self.coverage_sum / self.coverage_n if self.coverage_n else None

    def fail(self, code: str, reason: str) -> None:
        self.failed[code] += 1
        if reason in self.reasons or len(self.reasons) < MOST_REASONS:
            self.reasons[reason] += 1

    def as_dict(self) -> dict[str, Any]:
        return {
            "answered": self.done - self.failures,
            "failed": dict(self.failed),
            "failures": dict(self.reasons),
            "rejected": self.rejected,
            "already_there": self.found,
            "already_failed": self.found_failed,
            "filled_before": self.filled,
            "superseded": self.superseded,
            "attribute_coverage": None if self.coverage is None else round(self.coverage, 4),
            "tokens": self.tokens,
            "seconds": round(self.seconds, 2),
            "rows_per_s": round(self.rate, 1),
            "notes": dict(self.notes),
            "stopped": self.stopped or None,
        }
