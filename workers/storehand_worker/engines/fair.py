"""One class of priority, fair by tokens: whose turn it is among the shares (a task of a tenant) that wait.

Rounds of deficit round robin, with the earliest due time first inside a round. A share may be served QUANTUM tokens in
a round; then it is parked until all others of the round have had theirs or have nothing left. What it took beyond its
quantum, at most one part and the `lead`, is missing from its next round. A share beside which nothing waits is not
counted at all.

So while two shares wait, `floor <= served <= floor + QUANTUM + lead + largest part` holds for both, and the tokens they
get never differ by more than twice that distance, whatever the number and size of their requests. And nobody starves:
only so many new shares join a round, so every round ends.
"""

from __future__ import annotations

import heapq
from itertools import islice
from math import inf
from typing import Generic, TypeVar

from storehand_worker.engines.line import Line, Ticket

T = TypeVar("T")

QUANTUM = 2048
"""Tokens of a share in one round: more lets deadlines order more, less is fairer sooner."""
JOINERS = 256
"""So many new shares may join a round, or as many as began it; others wait for the next one."""

MOST_IDLE = 4096
"""Shares that are remembered though nothing of them waits, till the round's end."""
NOWHERE = -1

Candidate = tuple[float, int, Ticket[T], int]
"""Due time, place in the order, ticket, place of the part in it."""
Ready = tuple[float, int, Line[T]]
"""Due time and number of the line's first ticket; stale once the line stands elsewhere (`at`) or has its quota."""
Parked = tuple[int, float, int, Line[T]]
"""The same of a line that has its quota, after the tokens it was served."""


class Fair(Generic[T]):
    """The tickets of one class: `add` and `charge` as they come and go, then `settle` their lines."""

    def __init__(self) -> None:
        self._lines: dict[str, Line[T]] = {}
        self._active: set[Line[T]] = set()
        self._ready: list[Ready[T]] = []
        self._parked: list[Parked[T]] = []
        self._floor = 0
        self._joiners = JOINERS

    def line(self, share: str) -> Line[T]:
        """The line of a share, for a ticket that comes."""
        line = self._lines.get(share)
        if line is None:
            if len(self._lines) > 2 * len(self._active) + MOST_IDLE:
                self._lines = {line.share: line for line in self._active}
            line = self._lines[share] = Line(share)
        if line.served < self._floor:
            self._joiners -= 1
            line.served = self._floor if self._joiners >= 0 else self._quota
        return line

    def add(self, ticket: Ticket[T]) -> None:
        ticket.line.push(ticket)
        self._active.add(ticket.line)
        self.settle(ticket.line)

    def charge(self, line: Line[T], tokens: int) -> None:
        if len(self._active) > 1:
            line.served += tokens
            if line.served >= self._quota:
                line.at = NOWHERE

    def settle(self, line: Line[T]) -> None:
        """A ticket of the line came or went, or it was charged: where it stands, and with which ticket."""
        head = line.head()
        if head is None:
            line.at = NOWHERE
            self._active.discard(line)
            if not self._active:  # nobody to be fair to
                self._lines.clear()
                self._begin(0)
        elif line.at != head.number:
            line.at = head.number
            if line.served < self._quota:
                heapq.heappush(self._ready, (head.due, head.number, line))
            else:
                heapq.heappush(self._parked, (line.served, head.due, head.number, line))

    def first(self, limit: int, *, lead: int, until: float = inf) -> list[Candidate[T]]:
        """The `limit` parts whose turn it is first, due by `until`. Only where this round has no more of them, those
        follow whose shares would run ahead of it by `lead` tokens at most."""
        if len(self._active) == 1:
            [line] = self._active
            parts = ((ticket, place) for ticket in line for place in ticket.parts)
            found = [(ticket.due, at, ticket, place) for at, (ticket, place) in enumerate(islice(parts, limit))]
            return found if until == inf else [candidate for candidate in found if candidate[0] <= until]
        if not self._active:
            return []
        self._tidy()
        choice = Choice[T](limit)
        choice.walk(self._ready.copy(), quota=self._quota, until=until)
        if len(choice.found) < limit and until == inf:
            choice.run_ahead(self._parked.copy(), quota=self._quota + lead)
        return choice.found

    def _tidy(self) -> None:
        """Forgets stale entries where they would be in the way; the next round if this one is over."""
        while self._ready and not self._is_ready(self._ready[0]):
            heapq.heappop(self._ready)
        if not self._ready:
            self._begin(min(line.served for line in self._active))
        if len(self._ready) > 2 * len(self._active) + 64:
            self._ready = list(filter(self._is_ready, self._ready))
            heapq.heapify(self._ready)

    def _is_ready(self, entry: Ready[T]) -> bool:
        _, number, line = entry
        return line.at == number and line.served < self._quota

    @property
    def _quota(self) -> int:
        return self._floor + QUANTUM

    def _begin(self, floor: int) -> None:
        """A round: every active share has been served `floor` tokens at least, and nobody is ready yet."""
        self._floor = floor
        self._joiners = max(JOINERS, len(self._active))
        self._lines = {share: line for share, line in self._lines.items() if line.alive or line.served > floor}
        parked = [entry for entry in self._parked if entry[3].at == entry[2] and entry[3].served == entry[0]]
        self._ready = [(due, number, line) for served, due, number, line in parked if served < self._quota]
        self._parked = [entry for entry in parked if entry[0] >= self._quota]
        heapq.heapify(self._ready)
        heapq.heapify(self._parked)


class Choice(Generic[T]):
    """What would go next, and what the shares would have been served if it all went."""

    def __init__(self, limit: int) -> None:
        self.found: list[Candidate[T]] = []
        self._limit = limit
        self._turns: dict[Line[T], Turn[T]] = {}

    def walk(self, ready: list[Ready[T]], *, quota: int, until: float) -> None:
        """The earliest due first, until each share has its quota."""
        found, turns, limit = self.found, self._turns, self._limit
        while ready and len(found) < limit and ready[0][0] <= until:
            _, number, line = ready[0]
            turn = turns.get(line)
            if turn is None and line.at == number and line.served < quota:
                turn = turns[line] = Turn(line)
            if turn is None or turn.ticket is None or turn.ticket.number != number or turn.served >= quota:
                heapq.heappop(ready)  # stale, or the share has had its turn
                continue
            turn.take(found, limit=limit, quota=quota)
            ticket = turn.ticket
            if ticket is not None and ticket.number != number:
                heapq.heapreplace(ready, (ticket.due, ticket.number, line))

    def run_ahead(self, parked: list[Parked[T]], *, quota: int) -> None:
        """Those that were served least first, so far as they stay below the quota."""
        for line, left in self._turns.items():
            if left.ticket is not None:
                heapq.heappush(parked, (left.served, left.ticket.due, left.ticket.number, line))
        while parked and len(self.found) < self._limit and parked[0][0] < quota:
            served, _, number, line = heapq.heappop(parked)
            turn = self._turns.get(line)
            if turn is None and line.at == number and line.served == served:
                turn = self._turns[line] = Turn(line)
            if turn is None or turn.ticket is None or turn.ticket.number != number or turn.served != served:
                continue  # stale
            turn.take(self.found, limit=self._limit, quota=quota)
            if turn.ticket is not None:
                heapq.heappush(parked, (turn.served, turn.ticket.due, turn.ticket.number, line))
        earliest = inf  # a class competes with others by the due time of the most urgent one in it
        for at in range(len(self.found) - 1, -1, -1):
            due, _, ticket, place = self.found[at]
            earliest = min(earliest, due)
            self.found[at] = (earliest, at, ticket, place)


class Turn(Generic[T]):
    """What is left of a line in a choice."""

    __slots__ = ("_places", "_ranked", "served", "ticket")

    def __init__(self, line: Line[T]) -> None:
        self.served = line.served
        self._ranked = iter(line.ranked)
        self.ticket: Ticket[T] | None = None
        self._next()

    def _next(self) -> None:
        for _, _, ticket in self._ranked:
            if ticket.parts:
                self.ticket = ticket
                self._places = iter(ticket.parts.items())
                return
        self.ticket = None

    def take(self, found: list[Candidate[T]], *, limit: int, quota: int) -> None:
        """Adds the parts of its first ticket to what was found."""
        ticket = self.ticket
        assert ticket is not None
        for place, part in self._places:
            found.append((ticket.due, len(found), ticket, place))
            self.served += part.cost + part.later
            if self.served >= quota or len(found) >= limit:
                return
        self._next()
