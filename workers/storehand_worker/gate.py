"""Keeps company away from jobs that were in hand when a worker died: one of them may be the killer.

After one death they run in small groups, among themselves: most deaths are nobody's fault, and sixty jobs one after
the other would hold a worker up for minutes. After a second death a job runs all alone. So a killer is found, a job
that never met suspicion is not hit, and an innocent suspect is hit once more at most.

While a suspect waits, new jobs wait too, but only for `patience_s`: a neighbour that takes minutes shall not hold
everybody, then the suspect starts beside those that already run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0
FORGET_S = 2.0
"""A suspect that has not asked for so long went elsewhere."""

TOGETHER = 8
"""How many jobs that met one death run side by side."""


class SuspectGate:
    def __init__(self, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._others = 0
        self._suspects = 0
        self._limit = 0  # of the suspects that are inside
        self._waiting_since: float | None = None
        self._asked_at = 0.0

    @contextmanager
    def place(self, *, deaths: int) -> Iterator[bool]:
        """Yields whether a job under which workers died so often may start now; never waits."""
        entered = self.enter(deaths=deaths)
        try:
            yield entered
        finally:
            if entered:
                self.leave(deaths=deaths)

    def enter(self, *, deaths: int, jobs: int = 1) -> bool:
        """Whether so many may start now; each of them has to leave. Suspects come one at a time."""
        with self._lock:
            return self._enter_suspect(deaths) if deaths else self._enter_others(jobs)

    def leave(self, *, deaths: int, jobs: int = 1) -> None:
        with self._lock:
            if deaths:
                self._suspects -= jobs
            else:
                self._others -= jobs

    def _enter_others(self, jobs: int) -> bool:
        now = self._clock()
        if self._suspects or (self._waiting_since is not None and now - self._asked_at < FORGET_S):
            return False
        self._waiting_since = None
        self._others += jobs
        return True

    def _enter_suspect(self, deaths: int) -> bool:
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        self._asked_at = now
        if self._suspects:
            if deaths > 1 or self._suspects >= self._limit:
                return False
        elif self._others and now - self._waiting_since < self._patience_s:
            return False
        else:
            self._limit = TOGETHER if deaths == 1 else 1
        self._waiting_since = None
        self._suspects += 1
        return True
