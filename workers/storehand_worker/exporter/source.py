"""Something that may be away, read every few seconds by a thread of its own: nobody who asks for figures waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)

STALE_S = 60.0
"""Older figures are not shown any more: they would look like fresh ones."""

HANGS_S = 300.0
"""Every read has time limits of its own, far below."""


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """`at` is monotonic."""

    value: T
    at: float
    took_s: float


class Source(Generic[T]):
    """`read` is called by one thread only; what it raises is logged, and it is called again."""

    def __init__(
        self,
        name: str,
        read: Callable[[], T],
        *,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._read = read
        self._every_s = every_s
        self._clock = clock
        self._last: Read[T] | None = None
        self._trouble: str | None = f"{name} was not read yet"
        self.was_tried = False
        self._began: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"storehand-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def look(self) -> None:
        """One read. Never raises."""
        began = self._began = self._clock()
        try:
            value = self._read()
        except Exception as error:  # each client library has errors of its own
            self._fail(f"{self.name} can't be read: {type(error).__name__}: {error}")
        else:
            now = self._clock()
            self._last = Read(value, now, now - began)
            if self._trouble is not None:
                log.info("%s is read every %g s", self.name, self._every_s)
            self._trouble = None
        self.was_tried = True
        self._began = None

    def fresh(self) -> Read[T] | None:
        """The last good read, unless that is too long ago."""
        last = self._last
        return last if last is not None and self._clock() - last.at < STALE_S else None

    @property
    def age_s(self) -> float | None:
        """Since the last good read, however long ago; None before the first."""
        return None if self._last is None else self._clock() - self._last.at

    @property
    def trouble(self) -> str | None:
        """Why it is not read, in words; None while it is."""
        if self._trouble is None and self._overdue_s > 3 * self._every_s + 10:
            return f"{self.name} has not answered for {self._overdue_s:.0f} s"
        return self._trouble

    @property
    def hangs(self) -> bool:
        """Its thread does not come back: only a new process helps."""
        return self._overdue_s > HANGS_S

    @property
    def _overdue_s(self) -> float:
        began = self._began
        return 0.0 if began is None else self._clock() - began

    def _fail(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("%s; trying again every %g s, its figures vanish after %.0f s", trouble, self._every_s, STALE_S)
        self._trouble = trouble

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_s)
