"""The item threads of a worker, and the line of envelopes whose items they run.

One thread goes from item to item; another comes in when one waits for a model, or when nothing moves. So items that
need no model cost no change of threads, and all that wait for one are in its line together. The next envelope begins
when all items of the first have: what has not begun is not leased for long.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from storehand_worker.threads import Threads

log = logging.getLogger(__name__)

GROW_S = 0.005
"""An item that takes longer without asking a model sleeps or computes: the others do not wait for it. Twice as many
threads come in each time."""


class Items(Protocol):
    """What stands in line."""

    def next(self) -> Callable[[], None] | None:
        """The next item to run, none when all have begun. One thread at a time asks."""
        ...

    def is_first(self) -> None:
        """It stands in front of the line: from now on it calls `grow` while it waits."""
        ...


class Crew:
    def __init__(self, threads: int) -> None:
        self._threads = Threads("storehand-item", threads)
        self._line: deque[Items] = deque()
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._coming = 0  # threads that are asked for and have not begun
        self._progress = 0
        self._seen = 0
        self._more = 1

    @property
    def busy(self) -> int:
        """Threads in an item."""
        return self._threads.busy

    @property
    def size(self) -> int:
        return self._threads.limit

    def line_up(self, items: Items) -> None:
        with self._lock:
            self._line.append(items)
            is_first = len(self._line) == 1
        if is_first:
            items.is_first()
        self._call_in(1)

    def replace_one(self) -> None:
        """A thread was given up."""
        self._threads.replace_one()
        self.step_aside()

    def step_aside(self) -> None:
        """An item is about to wait for a model: the next one may start."""
        self._progress += 1
        if self._line:
            self._call_in(1)

    def grow(self) -> float:
        """Brings threads in if nothing has moved since the last call; when to call again, in seconds."""
        if self._seen != self._progress:
            self._seen, self._more = self._progress, 1
        elif not self._coming:
            self._call_in(self._more)
            self._more *= 2
        return GROW_S * self._more

    def _call_in(self, threads: int) -> None:
        with self._lock:
            missing = threads - self._coming
            self._coming += max(0, missing)
        for _ in range(missing):
            self._threads.submit(self._work)

    def _work(self) -> None:
        with self._lock:
            self._coming -= 1
        while (item := self._next()) is not None:
            try:
                item()
            except BaseException:
                log.exception("an item met an error of our own; the thread goes on with the next one")
            self._progress += 1

    def _next(self) -> Callable[[], None] | None:
        while True:
            with self._taking:  # claiming takes a moment, and the others need what it brings
                first = self._line[0] if self._line else None
                item = None if first is None else first.next()
                if item is not None or first is None:
                    return item
                with self._lock:
                    self._line.popleft()
                    following = self._line[0] if self._line else None
            if following is not None:
                following.is_first()
