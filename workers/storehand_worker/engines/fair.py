"""One class of priority, fair by tokens: whose turn it is among the shares (a task of a tenant) that wait.

Rounds of deficit round robin, with the earliest due time first inside a round. A share may be served QUANTUM tokens in
a round; then it is parked until all others of the round have had theirs or have nothing left. What it took beyond its
quantum, at most one part and the `lead`, is missing from its next round. A share that has nothing else waiting beside
it is not counted at all.

So while two shares wait, the tokens they get never differ by more than 2 x (QUANTUM + lead + the largest part), whatever
the number and size of their requests (`floor <= served < floor + QUANTUM + lead + largest part` holds for both). And
nobody starves: only so many new shares join a round, so every round ends.
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
JOINERS = 64
"""So many new shares may join a round, or as many as began it; others wait for the next one."""

MOST_IDLE = 4096
"""Shares that are remembered though nothing of them waits, till the round's end."""
NOT_READY = -1
"""Where a ready line has the number of the ticket it is ready with."""

Candidate = tuple[float, int, Ticket[T], int]
"""Due time, place in the order, ticket, place of the part in it."""


class Fair(Generic[T]):
    """The tickets of one class: `add` and `charge` as they come and go, and `settle` their lines after that."""

    def __init__(self) -> None:
        self._lines: dict[str, Line[T]] = {}
        self._active: set[Line[T]] = set()
        self._ready: list[tuple[float, int, Line[T]]] = []
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

    def settle(self, line: Line[T]) -> None:
        """A ticket of the line came or went, or it was charged: whether it is ready, and with which ticket."""
        head = line.head()
        if head is None:
            line.at = NOT_READY
            self._active.discard(line)
            if not self._active:  # nobody to be fair to
                self._lines.clear()
                self._begin(0)
        elif line.served >= self._quota:
            line.at = NOT_READY
        elif line.at != head.number:
            line.at = head.number
            heapq.heappush(self._ready, (head.due, head.number, line))

    def first(self, limit: int, *, lead: int) -> list[Candidate[T]]:
        """The `limit` parts whose turn it is first. Only where this round has no more of them, those follow whose
        shares would run ahead of it by `lead` tokens at most."""
        if len(self._active) == 1:
            [line] = self._active
            parts = ((ticket, place) for ticket in line for place in ticket.parts)
            return [(ticket.due, at, ticket, place) for at, (ticket, place) in enumerate(islice(parts, limit))]
        found: list[Candidate[T]] = []
        if not self._active:
            return found
        while self._ready and self._ready[0][1] != self._ready[0][2].at:
            heapq.heappop(self._ready)
        if not self._ready:
            self._begin(min(line.served for line in self._active))
        if len(self._ready) > 2 * len(self._active) + 64:
            self._ready = [entry for entry in self._ready if entry[1] == entry[2].at]
            heapq.heapify(self._ready)
        turns: dict[Line[T], Turn[T]] = {}
        _walk(self._ready.copy(), turns, found, limit=limit, quota=self._quota)
        if len(found) < limit:
            self._run_ahead(turns, found, limit=limit, quota=self._quota + lead)
        return found

    def _run_ahead(self, turns: dict[Line[T], Turn[T]], found: list[Candidate[T]], *, limit: int, quota: int) -> None:
        for line in self._active:
            if line.at == NOT_READY and line.served < quota:
                turns[line] = Turn(line)
        heap = [(turn.ticket.due, turn.ticket.number, line) for line, turn in turns.items() if turn.ticket is not None]
        heapq.heapify(heap)
        _walk(heap, turns, found, limit=limit, quota=quota)
        earliest = inf  # a class competes with others by the due time of the most urgent one in it
        for at in range(len(found) - 1, -1, -1):
            due, _, ticket, place = found[at]
            earliest = min(earliest, due)
            found[at] = (earliest, at, ticket, place)

    @property
    def _quota(self) -> int:
        return self._floor + QUANTUM

    def _begin(self, floor: int) -> None:
        """A round: every active share has been served `floor` tokens at least."""
        self._floor = floor
        self._ready.clear()
        self._joiners = max(JOINERS, len(self._active))
        self._lines = {share: line for share, line in self._lines.items() if line.alive or line.served > floor}
        for line in self._active:
            line.at = NOT_READY
            self.settle(line)


class Turn(Generic[T]):
    """What is left of a line in this choice, and what its share has if all that was found is taken."""

    __slots__ = ("_places", "_tickets", "served", "ticket")

    def __init__(self, line: Line[T]) -> None:
        self.served = line.served
        self._tickets = iter(line)
        self.ticket: Ticket[T] | None = None
        self._next()

    def _next(self) -> None:
        self.ticket = next(self._tickets, None)
        self._places = iter(self.ticket.parts.items() if self.ticket is not None else ())

    def take(self, found: list[Candidate[T]], *, limit: int, quota: int) -> None:
        """Adds the parts of its first ticket to what was found."""
        assert self.ticket is not None
        for place, part in self._places:
            found.append((self.ticket.due, len(found), self.ticket, place))
            self.served += part.cost + part.later
            if self.served >= quota or len(found) >= limit:
                return
        self._next()


def _walk(
    heap: list[tuple[float, int, Line[T]]],
    turns: dict[Line[T], Turn[T]],
    found: list[Candidate[T]],
    *,
    limit: int,
    quota: int,
) -> None:
    """Takes from the lines of the heap, the earliest due first, until each has its quota."""
    while heap and len(found) < limit:
        _, number, line = heap[0]
        turn = turns.get(line)
        if turn is None and line.at == number:
            turn = turns[line] = Turn(line)
        if turn is None or turn.ticket is None or turn.ticket.number != number or turn.served >= quota:
            heapq.heappop(heap)  # the line was ready with another ticket, or has had its turn
            continue
        turn.take(found, limit=limit, quota=quota)
        if turn.ticket is not None and turn.ticket.number != number:
            heapq.heapreplace(heap, (turn.ticket.due, turn.ticket.number, line))
