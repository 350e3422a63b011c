"""The store's clock, without asking the store each time: hosts may differ, and a host's clock may jump."""

from __future__ import annotations

import time
from collections.abc import Callable

REFRESH_S = 10.0
"""A clock that runs 500 ppm wrong is 5 ms off by then."""


class StoreClock:
    """Called, it returns the store's time in epoch seconds, as far as the last look tells it. Any thread may ask."""

    def __init__(self, store_now: Callable[[], float], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store_now = store_now
        self._clock = clock
        self._ahead_s: float | None = None
        self._looked_at = 0.0

    def __call__(self) -> float:
        if self._ahead_s is None:
            self.refresh()
        return self._clock() + (self._ahead_s or 0.0)

    def refresh(self) -> None:
        """Looks at the store's clock, unless it did a moment ago. Unavailable: then the last look holds."""
        before = self._clock()
        if self._ahead_s is not None and before - self._looked_at < REFRESH_S:
            return
        store_now = self._store_now()
        after = self._clock()
        self._ahead_s, self._looked_at = store_now - (before + after) / 2, after
