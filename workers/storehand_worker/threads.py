"""Daemon threads of our own: one that will not stop can be given up and replaced, and never holds the process."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Threads:
    """Runs work on at most `limit` threads, started as they are needed."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._idle = 0  # threads that wait for work which is not on its way yet
        self._started = 0
        self._busy = 0

    @property
    def busy(self) -> int:
        """Threads that are at work."""
        return self._busy

    @property
    def limit(self) -> int:
        """Most of them at a time."""
        return self._limit

    @property
    def started(self) -> int:
        return self._started

    def submit(self, work: Work) -> None:
        """Work must not raise; what it raises all the same is logged."""
        self._queue.put(work)
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._started < self._limit:
                self._start()

    def widen(self, limit: int) -> None:
        with self._lock:
            self._limit = max(self._limit, limit)

    def replace_one(self) -> None:
        """A thread was given up: there may be one more from now on, and it starts at once for what waits."""
        with self._lock:
            self._limit += 1
            self._start()

    def stop(self) -> None:
        """The threads end after what is queued; waits for none."""
        with self._lock:
            for _ in range(self._started):
                self._queue.put(None)

    def _start(self) -> None:
        self._started += 1
        threading.Thread(target=self._loop, name=f"{self._name}-{self._started}", daemon=True).start()

    def _loop(self) -> None:
        while True:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                with self._lock:
                    self._idle += 1
                work = self._queue.get()
            if work is None:
                return
            self._count(1)
            try:
                work()
            except BaseException:
                log.exception("a thread of %s met an error of our own; it goes on with the next job", self._name)
            self._count(-1)
            del work  # or its job would stay in memory until the next one comes

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change
