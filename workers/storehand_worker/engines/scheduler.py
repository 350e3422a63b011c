"""Who goes next: the order of what waits, as a pure data structure without clock, thread or model.

A request waits as one or more parts (rows of a text batch, texts of an encoder batch). It has a *due* time, a virtual
deadline that is fixed when it arrives:

    due = AGEING_S[priority] + min(deadline, arrival + PATIENCE_S)

So a fresh interactive request passes everything of a lower class, the earlier deadline goes first within a class, and
nothing starves: a class in which something has waited for longer than its ageing is passed by nobody who comes later.
Within a class the shares (a task of a tenant) get equal tokens while they compete, see `fair`; due times order them
inside their shares and inside a round.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import count, groupby
from math import inf
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from storehand.errors import Overloaded
from storehand.job import Priority
from storehand_worker.engines.fair import Candidate, Fair
from storehand_worker.engines.filling import Waits, fill, fill_in_time, near_s
from storehand_worker.engines.line import Part, Ranked, Ticket
from storehand_worker.engines.step_time import StepTime

__all__ = ["AGEING_S", "PATIENCE_S", "Part", "Pick", "Scheduler", "fill", "room_to_share"]

PATIENCE_S = 10.0
"""A deadline further away than this (or none) counts as this near, so that far deadlines are not passed for ever."""
AGEING_S = {Priority.INTERACTIVE: 0.0, Priority.STANDARD: 30.0, Priority.BULK: 300.0}
"""How far a class stands behind interactive requests of the same age."""

T = TypeVar("T")


class Pick(NamedTuple, Generic[T]):
    """What goes now, most urgent first; and what will never go, because its deadline passed while it waited."""

    items: list[T]
    expired: list[T]


class Scheduler(Generic[T]):
    """Push, drop, pick. Times are seconds of any one clock; the caller passes `now`."""

    def __init__(self, max_waiting: int, max_tokens: int | None = None) -> None:
        self._max_waiting = max_waiting
        self._max_tokens = max_tokens
        self._numbers = count()
        self._classes: dict[Priority, Fair[T]] = {priority: Fair() for priority in Priority}
        self._deadlines: list[Ranked[T]] = []
        self._waiting: dict[str, Ticket[T]] = {}
        self._sizes = dict.fromkeys(Priority, 0)
        self._tokens = 0

    def __len__(self) -> int:
        """Requests of which at least one part waits."""
        return len(self._waiting)

    @property
    def tokens(self) -> int:
        """What waits, in tokens: those of the inputs, and those that texts may still write."""
        return self._tokens

    def count(self, key: str) -> int:
        """Parts of this request that wait."""
        ticket = self._waiting.get(key)
        return 0 if ticket is None else len(ticket.parts)

    def parts(self, priority: Priority | None = None) -> int:
        """Parts that wait, of one priority or of all."""
        return self._sizes[priority] if priority is not None else sum(self._sizes.values())

    def push(
        self, key: str, parts: Iterable[Part[T]], *, priority: Priority, now: float, deadline: float | None = None,
        share: str = "",
    ) -> None:  # fmt: skip
        """Adds a request; Overloaded when `max_waiting` requests wait already, or when with it more than `max_tokens`
        would. A request that is over `max_tokens` by itself gets in when nothing else waits."""
        assert key not in self._waiting, "a request waits already"
        waiting = dict(enumerate(parts))
        tokens = sum(part.cost + part.later for part in waiting.values())
        self._admit(tokens)
        patience = now + PATIENCE_S
        due = AGEING_S[priority] + (patience if deadline is None else min(deadline, patience))
        if not waiting:
            return
        fair = self._classes[priority]
        line = fair.line(share)
        ticket = Ticket(key, waiting, priority, inf if deadline is None else deadline, due, next(self._numbers), line)
        line.push(ticket)
        fair.settle(line)
        if deadline is not None:
            heapq.heappush(self._deadlines, (deadline, ticket.number, ticket))
        self._waiting[key] = ticket
        self._sizes[priority] += len(waiting)
        self._tokens += tokens

    def _admit(self, tokens: int) -> None:
        waiting, most = len(self._waiting), self._max_tokens
        if waiting >= self._max_waiting:
            raise Overloaded(
                f"{waiting} requests wait already", details={"waiting": waiting, "max_waiting": self._max_waiting}
            )
        if most is not None and waiting and self._tokens + tokens > most:
            raise Overloaded(
                f"{self._tokens} tokens wait already; {tokens} more are over the limit of {most}",
                details={"waiting_tokens": self._tokens, "tokens": tokens, "max_waiting_tokens": most},
            )

    def drop(self, key: str) -> list[T]:
        """Takes a request's waiting parts out of the line; none for an unknown key."""
        ticket = self._waiting.get(key)
        return [] if ticket is None else self._leave(ticket)

    def pick(
        self, now: float, *, room: int, budget: int, shared_room: int | None = None, window: int | None = None,
        times: StepTime | None = None, extra_s: float = 0.0, packed: bool = False,
    ) -> Pick[T]:  # fmt: skip
        """The next batch: the most urgent part, and of the `window` parts after it those that fill a padded rectangle
        of `budget` tokens best (`packed`: a row of so many, without padding). At most `room` parts; others than
        interactive ones only while they all together are within `shared_room`. A part that costs more than the budget
        goes alone.

        With `times` no batch is filled so far that a deadline in it breaks, or one that it leaves behind; `extra_s` is
        what the step takes besides. A deadline that can't be met anyhow does not count: its part goes as if it had
        none, in case the prediction is wrong, or expires.
        """
        expired = self._expire(now)
        if room <= 0 or not self._waiting:
            return Pick([], expired)
        limit = window or room
        candidates = self._next(limit, limit if shared_room is None else shared_room, lead=2 * budget)
        if not candidates:
            return Pick([], expired)
        costs = [part.cost for _, _, _, part in candidates]
        soonest_s = self._deadlines[0][0] - now - extra_s if self._deadlines else inf
        if times is not None and times.ready and soonest_s < near_s(costs, budget=budget, times=times):
            waits = _waits(candidates, costs, now + extra_s)
            chosen = fill_in_time(waits, budget=budget, room=room, times=times, packed=packed)
        else:
            chosen = fill(costs, budget=budget, room=room, packed=packed)
        return Pick(self._take([candidates[index] for index in chosen]), expired)

    def _next(self, limit: int, shared_room: int, *, lead: int) -> list[Candidate[T]]:
        """The `limit` parts whose turn it is first, lower classes only while they have room."""
        found: list[Candidate[T]] = []
        for priority, fair in self._classes.items():
            if self._sizes[priority] and (priority is Priority.INTERACTIVE or shared_room > 0):
                until = inf if len(found) < limit else found[limit - 1][0]
                found += fair.first(limit, lead=lead, until=until)
                found.sort(key=itemgetter(0))  # stable: the higher class first where claims are equal
        if shared_room < limit:
            found = [
                candidate
                for at, candidate in enumerate(found)
                if at < shared_room or candidate[1].priority is Priority.INTERACTIVE
            ]
        return found[:limit]

    def _expire(self, now: float) -> list[T]:
        found: list[T] = []
        while self._deadlines and (self._deadlines[0][0] <= now or not self._deadlines[0][2].parts):
            ticket = heapq.heappop(self._deadlines)[2]
            found += self._leave(ticket)
        return found

    def _take(self, chosen: Sequence[Candidate[T]]) -> list[T]:
        for line, group in groupby(chosen, key=lambda candidate: candidate[1].line):
            taken = [(ticket, place) for _, ticket, place, _ in group]
            fair = self._classes[taken[0][0].priority]
            fair.charge(line, sum(self._remove(ticket, place) for ticket, place in taken))
            fair.settle(line)
        return [part.item for _, _, _, part in chosen]

    def _leave(self, ticket: Ticket[T]) -> list[T]:
        """A request goes with all that waits of it."""
        parts = list(ticket.parts.items())
        for place, _ in parts:
            self._remove(ticket, place)
        self._classes[ticket.priority].settle(ticket.line)
        return [part.item for _, part in parts]

    def _remove(self, ticket: Ticket[T], place: int) -> int:
        """A part leaves the line, and with the last one its request; how many tokens it was."""
        part = ticket.parts.pop(place)
        tokens = part.cost + part.later
        self._sizes[ticket.priority] -= 1
        self._tokens -= tokens
        if not ticket.parts:
            ticket.line.remove(ticket)
            del self._waiting[ticket.key]
            if len(self._deadlines) > 2 * len(self._waiting) + 64:  # a far deadline must not keep a request in memory
                self._deadlines = [ranked for ranked in self._deadlines if ranked[2].parts]
                heapq.heapify(self._deadlines)
        return tokens


def _waits(candidates: Sequence[Candidate[T]], costs: Sequence[int], now: float) -> Waits:
    """What the deadlines of the candidates, the most urgent first, ask of the batch."""
    ranks = list(Priority)
    lower = set(ranks[ranks.index(candidates[0][1].priority) + 1 :])
    return Waits(
        costs,
        [ticket.deadline - now for _, ticket, _, _ in candidates],
        [ticket.priority in lower for _, ticket, _, _ in candidates],
    )


def room_to_share(*, capacity: int, running: int, shared: int, reserved: int) -> int:
    """How many more places may be taken, by interactive ones or others, before only interactive ones get in. `shared`
    of the `running` are not interactive.

    `reserved` places stay free for the next interactive request however many of them are at work; but half of what is
    not reserved is never closed to the others, so that much chat slows bulk down and does not stop it.
    """
    room = capacity - running
    fair = min(capacity // 2, capacity - reserved) - shared
    return max(room - reserved, min(room, fair), 0)
