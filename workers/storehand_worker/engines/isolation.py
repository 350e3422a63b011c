"""A forward that fails: repeated in halves, until what can't be answered stands alone.

For n rows of which one is guilty that takes at most 1 + 2 log2(n) forwards; where the device's memory did not
suffice, what the failed one held is freed first, and a row that fails alone gets a second try in the freed memory.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from storehand.errors import OutOfMemory, StorehandError
from storehand_worker.engines.budget import Budget, KeptBudget
from storehand_worker.engines.failures import as_engine_error, is_fatal, is_out_of_memory

T = TypeVar("T")


class Piece(NamedTuple, Generic[T]):
    """Rows low..high-1 and their answer; without one, `failure` says why, or nobody waits for them any more."""

    low: int
    high: int
    value: T | None
    failure: StorehandError | None = None


class Ladder(NamedTuple):
    """What an engine wants to hear while a batch is taken apart.

    `failed` hears each error, and raises where going on makes no sense. `too_large` hears of rows that did not fit
    into memory together although each did alone: the batch was at fault, none of its rows. `is_done` tells that
    nobody waits for any of the rows low..high-1. More than `most` rows are not even tried together. `free` gives
    memory back after an error for want of it.
    """

    failed: Callable[[Exception], None]
    too_large: Callable[[int, int], None] = lambda low, high: None
    is_done: Callable[[int, int], bool] = lambda low, high: False
    most: int = sys.maxsize
    free: Callable[[], None] = lambda: None


def in_halves(forward: Callable[[int, int], T], low: int, high: int, ladder: Ladder) -> Iterator[Piece[T]]:
    """The answers of rows low..high-1, in order, as large pieces as they could be had in.

    `forward(low, high)` must be repeatable: what a failed one wrote is written again.
    """
    failure = None
    if high - low <= ladder.most:
        value, failure = _attempt(forward, low, high, ladder)
        if isinstance(failure, OutOfMemory):
            ladder.free()
            if high - low == 1:
                value, failure = _attempt(forward, low, high, ladder)
        if failure is None or high - low == 1:
            yield Piece(low, high, value, failure)
            return
    middle, is_guilt_found = (low + high) // 2, False
    for start, end in ((low, middle), (middle, high)):
        if ladder.is_done(start, end):
            yield Piece(start, end, None)
            continue
        for piece in in_halves(forward, start, end, ladder):
            is_guilt_found |= piece.failure is not None
            yield piece
    if isinstance(failure, OutOfMemory) and not is_guilt_found:
        ladder.too_large(low, high)


class Isolation:
    """Takes the batches of one engine apart, and learns how large they may be: in tokens where a budget made them, in
    rows where every row in use writes one token."""

    def __init__(
        self, budget: KeptBudget, *, rows: int, failed: Callable[[Exception], None], beat: Callable[[], None]
    ) -> None:
        self._budget = budget
        self._rows = Budget(max(rows, 1))
        self._failed = failed
        self._beat = beat

    def run(
        self,
        forward: Callable[[int, int], T],
        low: int,
        high: int,
        *,
        tokens: Callable[[int, int], int] | None = None,
        is_done: Callable[[int, int], bool] = lambda low, high: False,
    ) -> Iterator[Piece[T]]:
        """As `in_halves`. `tokens` tells how large rows are as a batch, where the budget made it. Only the first error
        of a batch is told to `failed`; one that says that the device is lost is raised."""
        errors: list[bool] = []

        def failed(error: Exception) -> None:
            if is_fatal(error):
                raise error
            if not errors:
                self._failed(error)
            errors.append(is_out_of_memory(error))

        def too_large(low: int, high: int) -> None:
            if tokens is None:
                self._rows.ran_out(high - low)
            else:
                self._budget.ran_out(tokens(low, high))

        def free() -> None:
            free_memory(thoroughly=errors.count(True) == 1)

        def watched(low: int, high: int) -> T:
            self._beat()
            return forward(low, high)

        most = self._rows.tokens if tokens is None else sys.maxsize
        yield from in_halves(watched, low, high, Ladder(failed, too_large, is_done, most, free))
        if any(errors):
            self._budget.note_shortage(time.monotonic())

    def went_well(self, *, is_budgeted: bool) -> None:
        """A batch was computed."""
        if is_budgeted:
            self._budget.went_well()
        else:
            self._rows.went_well()


def _attempt(
    forward: Callable[[int, int], T], low: int, high: int, ladder: Ladder
) -> tuple[T | None, StorehandError | None]:
    """Leaves the except block before anything else is tried: the error's traceback holds the forward's tensors."""
    try:
        return forward(low, high), None
    except Exception as error:  # the border: anything a model may raise
        ladder.failed(error)
        return None, as_engine_error(error)


def free_memory(*, thoroughly: bool) -> None:
    """Gives back what torch's cache holds, and first what only dead objects hold: looking for these takes a tenth of
    a second in a process with models."""
    if thoroughly:
        gc.collect()
    torch = sys.modules.get("torch")  # no engine without a device pays for its import
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
