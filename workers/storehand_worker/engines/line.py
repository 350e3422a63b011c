"""What waits: requests with their parts, in the line of their share, ordered by due time."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
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
    """A request in the line: the parts that wait, by their place in it. Gone when none is left."""

    key: str
    parts: dict[int, Part[T]]
    priority: Priority
    deadline: float | None
    due: float
    number: int
    line: Line[T]


Ranked = tuple[float, int, Ticket[T]]
"""Time, number, ticket: numbers are unique, so tickets are never compared."""


class Line(Generic[T]):
    """One share's tickets. `served` tokens and `at`, the number of the ticket it stands with, are for `fair`."""

    __slots__ = ("alive", "at", "ranked", "served", "share")

    def __init__(self, share: str) -> None:
        self.share = share
        self.served = -1
        self.alive = 0
        self.at = -1
        self.ranked: list[Ranked[T]] = []

    def push(self, ticket: Ticket[T]) -> None:
        insort(self.ranked, (ticket.due, ticket.number, ticket))
        self.alive += 1

    def leave(self) -> None:
        """One of the tickets is gone; what is gone is forgotten before it is the majority, wherever it lies."""
        self.alive -= 1
        if len(self.ranked) > 2 * self.alive + 8:
            self.ranked = [ranked for ranked in self.ranked if ranked[2].parts]

    def head(self) -> Ticket[T] | None:
        """The ticket that is due first."""
        gone = 0
        while gone < len(self.ranked) and not self.ranked[gone][2].parts:
            gone += 1
        del self.ranked[:gone]
        return self.ranked[0][2] if self.ranked else None

    def __iter__(self) -> Iterator[Ticket[T]]:
        return (ranked[2] for ranked in self.ranked if ranked[2].parts)
