"""A forward that fails: repeated in halves, until what can't be answered stands alone.

For n rows of which one is guilty that takes at most 1 + 2 log2(n) forwards; where the device's memory did not
suffice, what the failed one held is freed first, and a row that fails alone gets a second try in the freed memory.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from storehand.errors import OutOfMemory, StorehandError
from storehand_worker.engines.failures import as_engine_error

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
    nobody waits for any of the rows low..high-1.
    """

    failed: Callable[[Exception], None]
    too_large: Callable[[int, int], None] = lambda low, high: None
    is_done: Callable[[int, int], bool] = lambda low, high: False


def in_halves(forward: Callable[[int, int], T], low: int, high: int, ladder: Ladder) -> Iterator[Piece[T]]:
    """The answers of rows low..high-1, in order, as large pieces as they could be had in.

    `forward(low, high)` must be repeatable: what a failed one wrote is written again.
    """
    value, failure = _attempt(forward, low, high, ladder)
    if isinstance(failure, OutOfMemory):
        free_memory()
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


def _attempt(
    forward: Callable[[int, int], T], low: int, high: int, ladder: Ladder
) -> tuple[T | None, StorehandError | None]:
    """Leaves the except block before anything else is tried: the error's traceback holds the forward's tensors."""
    try:
        return forward(low, high), None
    except Exception as error:  # the border: anything a model may raise
        ladder.failed(error)
        return None, as_engine_error(error)


def free_memory() -> None:
    """Gives back what only dead objects and torch's cache hold."""
    gc.collect()
    torch = sys.modules.get("torch")  # no engine without a device pays for its import
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
