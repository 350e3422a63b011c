"""Prompts over the budget of a step: which one is read on in, and where what was read of it lies meanwhile."""

from __future__ import annotations

from storehand.job import Priority
from storehand_worker.engines.decoder import Decoder
from storehand_worker.engines.prefix import Prefixes
from storehand_worker.engines.row import Row


class LongPrompts:
    """One is read at a time, in the spare slot. An interactive one goes before another that is half read: this one
    waits in the last slot, which no row takes while it counts as running itself, and is read on from there."""

    def __init__(self, decoder: Decoder, prefixes: Prefixes, *, last: int) -> None:
        self.rows: list[Row] = []
        self._decoder = decoder
        self._prefixes = prefixes
        self._last = last
        self._at_work: Row | None = None

    def next(self) -> Row:
        """The one to read on in; what was read of it lies in the spare slot."""
        row = min(self.rows, key=_turn)
        if row is self._at_work:
            return row
        if self._at_work in self.rows:
            self._decoder.move(self._decoder.spare, self._last, tokens=self._at_work.length)
        if row.length:
            self._decoder.move(self._last, self._decoder.spare, tokens=row.length)
        else:
            row.places = self._prefixes.find(row.prompt)  # those of its admission may be gone
            self._decoder.recall(row.places, self._decoder.spare)
            row.length = row.known
        self._at_work = row
        return row

    def take(self, row: Row) -> list[Row]:
        """A row that is read, and those with the same prompt (samples of one request, retries): they leave."""
        taken = [row, *(each for each in self.rows if each is not row and each.prompt == row.prompt)]
        self.rows = [each for each in self.rows if each not in taken]
        return taken


def _turn(row: Row) -> tuple[bool, bool, int]:
    priority = row.call.request.priority
    return priority is not Priority.INTERACTIVE, not row.length, priority.rank
