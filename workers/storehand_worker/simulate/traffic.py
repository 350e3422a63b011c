"""What is asked of a pool, when: jobs by time, and what goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storehand.job import Priority


@dataclass(frozen=True, slots=True)
class Ask:
    """One job as it is submitted."""

    at_s: float
    priority: Priority
    work_s: float
    """Seconds it takes in a worker that has nothing else to do."""
    task: str = "job"


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_s`, before `end_s`."""

    start_s: float
    end_s: float

    def __contains__(self, now_s: object) -> bool:
        return isinstance(now_s, int | float) and self.start_s <= now_s < self.end_s


@dataclass(frozen=True)
class Traffic:
    """A trace by time, and the faults that go with it."""

    name: str
    asks: Sequence[Ask]
    horizon_s: float
    crashes_s: tuple[float, ...] = ()
    """A worker that serves dies at these times; it starts again in its place."""
    broker_away: tuple[Span, ...] = ()
    """Nothing is delivered; jobs in hand go on (their claims are in the store), submits are stored."""
    prometheus_away: tuple[Span, ...] = ()
    envelope_items: int = 1
    """Bulk jobs in one message, for scalers that count messages."""
