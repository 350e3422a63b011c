"""The waiting parts of one priority in order of their due time: a heap, with its first ones kept sorted in front.

A batch is chosen among the first few hundred; popping them off a heap and pushing most of them back at every step
cost more than a millisecond.
"""

from __future__ import annotations

import heapq
from bisect import insort
from dataclasses import dataclass
from typing import Generic, TypeVar

from storehand.job import Priority

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Entry(Generic[T]):
    """One part in the line; `is_gone` once it left, wherever it still lies."""

    item: T
    cost: int
    key: str
    priority: Priority
    deadline: float | None
    due: float
    number: int
    is_gone: bool = False


Ranked = tuple[float, int, Entry[T]]
"""Time, number, entry: numbers are unique, so entries are never compared."""


class Line(Generic[T]):
    """Nothing in the heap is due before anything in front."""

    def __init__(self) -> None:
        self._front: list[Ranked[T]] = []
        self._heap: list[Ranked[T]] = []

    def push(self, entry: Entry[T]) -> None:
        ranked = (entry.due, entry.number, entry)
        if self._front and ranked < self._front[-1]:
            insort(self._front, ranked)
        else:
            heapq.heappush(self._heap, ranked)

    def first(self, limit: int) -> list[Ranked[T]]:
        """The `limit` entries that are due first; they stay in the line until they are marked gone."""
        front = [ranked for ranked in self._front if not ranked[2].is_gone]
        while len(front) > 2 * limit:
            heapq.heappush(self._heap, front.pop())
        while len(front) < limit and self._heap:
            ranked = heapq.heappop(self._heap)
            if not ranked[2].is_gone:
                front.append(ranked)
        self._front = front
        return front[:limit]

    def sweep(self, alive: int) -> None:
        """Forgets the gone once they are the majority: a far deadline must not keep a request in memory."""
        if len(self._front) + len(self._heap) > 2 * alive + 64:
            self._front = [ranked for ranked in self._front if not ranked[2].is_gone]
            self._heap = [ranked for ranked in self._heap if not ranked[2].is_gone]
            heapq.heapify(self._heap)
