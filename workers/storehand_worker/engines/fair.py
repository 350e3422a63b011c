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

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import islice
from math import inf
from typing import Generic, TypeVar

from storehand_worker.engines.line import Line, Part, Standing, Ticket

T = TypeVar("T")

QUANTUM = 2048
"""Tokens of a share in one round: more lets deadlines order more, less is fairer sooner."""
JOINERS = 256
"""So many new shares may join a round, or as many as began it; others wait for the next one."""

MOST_IDLE = 4096
"""Shares that are remembered though nothing of them waits, till the round's end."""

Candidate = tuple[float, Ticket[T], int, Part[T]]
"""A claim, the due time by which a class competes with others; ticket, place of the part in it, part."""
Turn = tuple[int, float, int, Line[T], int, int, int]
"""Where a line would stand; the tokens it would have been served; its next ticket, and how many of its parts went."""


class Fair(Generic[T]):
    """The tickets of one class: `add`, `remove` and `charge` as they come and go, then `settle` their lines."""

    def __init__(self) -> None:
        self._lines: dict[str, Line[T]] = {}
        self._standing: list[Standing[T]] = []
        self._floor, self._quota, self._joiners = 0, QUANTUM, JOINERS

    def line(self, share: str) -> Line[T]:
        """The line of a share, for a ticket that comes."""
        line = self._lines.get(share)
        if line is None:
            if len(self._lines) > 2 * len(self._standing) + MOST_IDLE:
                self._lines = {line.share: line for *_, line in self._standing}
            line = self._lines[share] = Line(share)
        if line.served < self._floor:
            self._joiners -= 1
            line.served = self._floor if self._joiners >= 0 else self._quota
        return line

    def charge(self, line: Line[T], tokens: int) -> None:
        if len(self._standing) > 1:
            line.served += tokens

    def settle(self, line: Line[T]) -> None:
        """A ticket of the line came or went, or it was charged: puts it where it stands now. Those that may be served
        in this round are first, by due time; the others follow by what they were served."""
        standing: Standing[T] | None = None
        if line.ranked:
            due, number, _ = line.ranked[0]
            standing = (0 if line.served < self._quota else line.served, due, number, line)
        if standing == line.standing:
            return
        if line.standing is not None:
            del self._standing[bisect_left(self._standing, line.standing)]
        line.standing = standing
        if standing is not None:
            insort(self._standing, standing)
        elif not self._standing:  # nobody to be fair to
            self._lines.clear()
            self._floor, self._quota, self._joiners = 0, QUANTUM, JOINERS

    def first(self, limit: int, *, lead: int, until: float = inf) -> list[Candidate[T]]:
        """The `limit` parts whose turn it is first, due by `until`. Only where this round has no more of them, those
        follow whose shares would run ahead of it by `lead` tokens at most."""
        if not self._standing or (self._standing[0][0] == 0 and self._standing[0][1] > until):
            return []
        if len(self._standing) == 1:
            ranked = self._standing[0][3].ranked
            parts = ((due, ticket, *part) for due, _, ticket in ranked for part in ticket.parts.items())
            return [candidate for candidate in islice(parts, limit) if candidate[0] <= until]
        if self._standing[0][0] >= self._quota:
            self._begin()
        most = self._quota + lead if until == inf else self._quota
        if limit <= len(self._standing) and self._standing[limit - 1][0] == 0:  # these alone are enough
            until = min(until, self._standing[limit - 1][1])
        return _choose(self._standing, limit, self._quota, most, until)

    def _begin(self) -> None:
        """A round: nobody is ready any more, and every active share has been served `floor` tokens at least."""
        self._floor = self._standing[0][0]
        self._quota = self._floor + QUANTUM
        self._joiners = max(JOINERS, len(self._standing))
        self._lines = {share: line for share, line in self._lines.items() if line.ranked or line.served > self._floor}
        end = bisect_left(self._standing, self._quota, key=lambda standing: standing[0])
        ready = sorted((0, due, number, line) for _, due, number, line in self._standing[:end])
        for standing in ready:
            standing[3].standing = standing
        self._standing[:end] = ready


def _choose(standing: Sequence[Standing[T]], limit: int, quota: int, most: int, until: float) -> list[Candidate[T]]:
    """What goes first if it all goes: a line has its turn until it was served `quota` tokens, then runs ahead up to
    `most`."""
    found: list[Candidate[T]] = []
    again: list[Turn[T]] = []  # a heap of the lines that had a turn; those that stand have had none
    heads, stands = 0, len(standing)
    rank = 0.0
    while len(found) < limit:
        if heads < stands and not (again and again[0] < standing[heads]):
            (rank, due, number, line), served, at, gone = standing[heads], standing[heads][3].served, 0, 0
            heads += 1
        elif again:
            rank, due, number, line, served, at, gone = heappop(again)
        else:
            break
        if rank >= most or due > until:
            break
        ranked = line.ranked
        ticket, end = ranked[at][2], most if rank else quota
        parts = ticket.parts
        for place, part in islice(parts.items(), gone, None) if gone else parts.items():
            found.append((due, ticket, place, part))
            served += part.cost + part.later
            gone += 1
            if served >= end or len(found) == limit:
                break
        if gone == len(parts):
            at, gone = at + 1, 0
            if at == len(ranked):
                continue
            due, number, _ = ranked[at]
        if due <= until:
            heappush(again, (0 if served < quota else served, due, number, line, served, at, gone))
    if rank:  # who runs ahead is out of order: the class competes by the most urgent part that follows
        earliest = inf
        for index in range(len(found) - 1, -1, -1):
            earliest = min(earliest, found[index][0])
            found[index] = (earliest, *found[index][1:])
    return found
