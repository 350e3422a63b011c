"""Keeps company away from jobs that were in hand when a worker died: one of them may be the killer.

A suspect starts when nothing else runs. While one waits, new jobs wait too, but only for `patience_s`: a neighbour that
takes minutes shall not hold everybody, then the suspect starts beside those that already run. Nothing starts beside a
suspect. So an innocent job is hit by a killer once at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0
FORGET_S = 2.0
"""A suspect that has not asked for so long went elsewhere."""


class SuspectGate:
    def __init__(self, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._is_closed = False
        self._waiting_since: float | None = None
        self._asked_at = 0.0

    @contextmanager
    def place(self, *, alone: bool) -> Iterator[bool]:
        """Yields whether the job may start now; never waits."""
        entered = self._enter(alone=alone)
        try:
            yield entered
        finally:
            if entered:
                self._leave(alone=alone)

    def _enter(self, *, alone: bool) -> bool:
        with self._lock:
            if self._is_closed:
                return False
            return self._enter_alone() if alone else self._enter_beside()

    def _enter_beside(self) -> bool:
        now = self._clock()
        if self._waiting_since is not None and now - self._asked_at < FORGET_S:
            return False
        self._waiting_since = None
        self._inside += 1
        return True

    def _enter_alone(self) -> bool:
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        self._asked_at = now
        if self._inside and now - self._waiting_since < self._patience_s:
            return False
        self._waiting_since = None
        self._is_closed = True
        self._inside += 1
        return True

    def _leave(self, *, alone: bool) -> None:
        with self._lock:
            self._inside -= 1
            if alone:
                self._is_closed = False
