"""Remembers that a server is away, so that not every caller waits for it anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from storehand.errors import Unavailable

PAUSE_S = 2.0


class Breaker:
    """After a failure everybody is refused at once; every `pause_s` one caller may try. Thread-safe."""

    def __init__(self, pause_s: float = PAUSE_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._next_at = 0.0

    def check(self) -> None:
        """Unavailable, with `details["was_tried"]` false, while it is known to be away and not time to try again."""
        if self._reason is None:
            return
        with self._lock:
            reason, left_s = self._reason, self._next_at - self._clock()
            if left_s <= 0:
                self._next_at = self._clock() + self._pause_s  # this caller tries, the others do not wait for it
            elif reason is not None:
                raise Unavailable(f"{reason}; it is tried again in {left_s:.1f} s", details={"was_tried": False})

    def failed(self, reason: str) -> None:
        with self._lock:
            self._reason = reason
            self._next_at = self._clock() + self._pause_s

    def worked(self) -> None:
        self._reason = None
