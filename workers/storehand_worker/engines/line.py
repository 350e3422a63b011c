"""What waits: requests with their parts, in the line of their share, ordered by due time."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from storehand.job import Priority

T = TypeVar("T")


class Part(NamedTuple, Generic[T]):
    """What waits: the thing itself, its cost in tokens of a batch, and the tokens the device will compute for it later
    (what a text may write): those count for admission and for fairness, not for the batch."""

    item: T
    cost: int
    later: int = 0


@dataclass(slots=True, eq=False)
class Ticket(Generic[T]):
    """A request in the line: the parts that wait, by their place in it. Gone when none is left. Without a deadline
    that is never."""

    key: str
    parts: dict[int, Part[T]]
    priority: Priority
    deadline: float
    due: float
    number: int
    line: Line[T]


Ranked = tuple[float, int, Ticket[T]]
"""Time, number, ticket: numbers are unique, so tickets are never compared."""
Standing = tuple[int, float, int, "Line[T]"]
"""Where a line stands: its rank, then due time and number of its first ticket."""


class Line(Generic[T]):
    """One share's tickets. `served` tokens and `standing`, none while nothing waits, are for `fair`."""

    __slots__ = ("ranked", "served", "share", "standing")

    def __init__(self, share: str) -> None:
        self.share = share
        self.served = -1
        self.standing: Standing[T] | None = None
        self.ranked: list[Ranked[T]] = []

    def push(self, ticket: Ticket[T]) -> None:
        insort(self.ranked, (ticket.due, ticket.number, ticket))

    def remove(self, ticket: Ticket[T]) -> None:
        del self.ranked[bisect_left(self.ranked, (ticket.due, ticket.number, ticket))]
