"""Who goes next: the order of what waits, as a pure data structure without clock, thread or model.

A request waits as one or more parts (rows of a text batch, texts of an encoder batch). Parts leave in the order of
their *due* time, a virtual deadline that is fixed when they arrive:

    due = AGEING_S[priority] + min(deadline, arrival + PATIENCE_S)

So a fresh interactive request passes everything of a lower class, the earlier deadline goes first within a class, and
nothing starves: what has waited for longer than its class's ageing is passed by nobody who comes later.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from storehand.errors import Overloaded
from storehand.job import Priority
from storehand_worker.engines.line import Entry, Line, Ranked
from storehand_worker.engines.step_time import StepTime

PATIENCE_S = 10.0
"""A deadline further away than this (or none) counts as this near, so that far deadlines are not passed for ever."""
AGEING_S = {Priority.INTERACTIVE: 0.0, Priority.STANDARD: 30.0, Priority.BULK: 300.0}
"""How far a class stands behind interactive requests of the same age."""

T = TypeVar("T")


class Part(NamedTuple, Generic[T]):
    """What waits: the thing itself, and its cost in tokens."""

    item: T
    cost: int


class Pick(NamedTuple, Generic[T]):
    """What goes now, most urgent first; and what will never go, because its deadline passed while it waited."""

    items: list[T]
    expired: list[T]


class Scheduler(Generic[T]):
    """Push, drop, pick. Times are seconds of any one clock; the caller passes `now`."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._numbers = count()
        self._lines: dict[Priority, Line[T]] = {priority: Line() for priority in Priority}
        self._deadlines: list[Ranked[T]] = []
        self._waiting: dict[str, dict[int, Entry[T]]] = {}
        self._sizes = dict.fromkeys(Priority, 0)

    def __len__(self) -> int:
        """Requests of which at least one part waits."""
        return len(self._waiting)

    def count(self, key: str) -> int:
        """Parts of this request that wait."""
        return len(self._waiting.get(key, ()))

    def parts(self, priority: Priority | None = None) -> int:
        """Parts that wait, of one priority or of all."""
        return self._sizes[priority] if priority is not None else sum(self._sizes.values())

    def push(
        self, key: str, parts: Iterable[Part[T]], *, priority: Priority, now: float, deadline: float | None = None,
        share: str = "",
    ) -> None:  # fmt: skip
        """Adds a request; Overloaded when `max_waiting` requests wait already."""
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(f"{len(self._waiting)} requests wait already", details={"max_waiting": self._max_waiting})
        patience = now + PATIENCE_S
        due = AGEING_S[priority] + (patience if deadline is None else min(deadline, patience))
        entries = [
            Entry(part.item, part.cost, key, priority, deadline, due, number)
            for part, number in zip(parts, self._numbers, strict=False)
        ]
        for entry in entries:
            self._lines[priority].push(entry)
            if deadline is not None:
                heapq.heappush(self._deadlines, (deadline, entry.number, entry))
        self._waiting.setdefault(key, {}).update((entry.number, entry) for entry in entries)
        self._sizes[priority] += len(entries)

    def drop(self, key: str) -> list[T]:
        """Takes a request's waiting parts out of the line; none for an unknown key."""
        entries = list(self._waiting.get(key, {}).values())
        for entry in entries:
            self._remove(entry)
        self._sweep()
        return [entry.item for entry in entries]

    def pick(
        self, now: float, *, room: int, budget: int, shared_room: int | None = None, window: int | None = None,
        times: StepTime | None = None, extra_s: float = 0.0,
    ) -> Pick[T]:  # fmt: skip
        """The next batch: the most urgent part, and of the `window` parts after it those that fill a padded rectangle
        of `budget` tokens best. At most `room` parts; others than interactive ones only while they all together
        are within `shared_room`. A part that costs more than the budget goes alone."""
        expired = self._expire(now)
        if room <= 0:
            return Pick([], expired)
        limit = window or room
        candidates = self._next(limit, limit if shared_room is None else shared_room)
        chosen = [candidates[index] for index in fill([entry.cost for entry in candidates], budget=budget, room=room)]
        for entry in chosen:
            self._remove(entry)
        self._sweep()
        return Pick([entry.item for entry in chosen], expired)

    def _next(self, limit: int, shared_room: int) -> list[Entry[T]]:
        """The `limit` entries that are due first, lower classes only while they have room."""
        ranked = self._lines[Priority.INTERACTIVE].first(limit)
        if shared_room > 0:
            ranked += self._lines[Priority.STANDARD].first(limit) + self._lines[Priority.BULK].first(limit)
        ranked.sort()
        found: list[Entry[T]] = []
        for _, _, entry in ranked:
            if entry.priority is Priority.INTERACTIVE or len(found) < shared_room:
                found.append(entry)
        return found[:limit]

    def _expire(self, now: float) -> list[T]:
        found: list[T] = []
        while self._deadlines and (self._deadlines[0][2].is_gone or self._deadlines[0][0] <= now):
            entry = heapq.heappop(self._deadlines)[2]
            if not entry.is_gone:
                self._remove(entry)
                found.append(entry.item)
        return found

    def _remove(self, entry: Entry[T]) -> None:
        entry.is_gone = True
        self._sizes[entry.priority] -= 1
        siblings = self._waiting[entry.key]
        del siblings[entry.number]
        if not siblings:
            del self._waiting[entry.key]

    def _sweep(self) -> None:
        """A far deadline must not keep a request in memory that is long gone."""
        for priority, line in self._lines.items():
            line.sweep(self._sizes[priority])
        if len(self._deadlines) > 2 * self.parts() + 64:
            self._deadlines = [ranked for ranked in self._deadlines if not ranked[2].is_gone]
            heapq.heapify(self._deadlines)


def room_to_share(*, capacity: int, running: int, shared: int, reserved: int) -> int:
    """How many more places may be taken, by interactive ones or others, before only interactive ones get in. `shared`
    of the `running` are not interactive.

    `reserved` places stay free for the next interactive request however many of them are at work; but half of what is
    not reserved is never closed to the others, so that much chat slows bulk down and does not stop it.
    """
    room = capacity - running
    fair = min(capacity // 2, capacity - reserved) - shared
    return max(room - reserved, min(room, fair), 0)


def fill(costs: Sequence[int], *, budget: int, room: int) -> list[int]:
    """Indexes of the batch around `costs[0]`, the most urgent: sorted by cost, the run of neighbours that holds the
    most useful tokens while count x longest stays within the budget. Never empty when there are costs."""
    if not costs:
        return []
    order = sorted(range(len(costs)), key=lambda index: (costs[index], index))
    head = order.index(0)
    sums = [0]
    for index in order:
        sums.append(sums[-1] + costs[index])
    best, best_useful = (head, head + 1), costs[0]
    for end in range(head + 1, len(order) + 1):
        longest = max(costs[order[end - 1]], 1)
        start = max(0, end - min(room, max(budget // longest, 1)))
        if start > head:  # the most urgent one does not fit any more, and longer ones won't change that
            break
        useful = sums[end] - sums[start]
        if useful > best_useful or (useful == best_useful and end - start > best[1] - best[0]):
            best, best_useful = (start, end), useful
    return sorted(order[best[0] : best[1]])
