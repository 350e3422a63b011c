"""Depths of the broker's queues for a scrape, which must not wait for a broker that is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

Depths = Mapping[str, tuple[int, int | None]]

FRESH_S = 5.0
"""No broker is asked more often, however often somebody scrapes."""

STALE_S = 60.0
"""Older than that is not shown any more."""

WAIT_S = 0.5


class RecentDepths:
    """Reads in a thread of its own and answers with what was read last."""

    def __init__(self, read: Callable[[], Depths], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._last: Depths = {}
        self._at = -STALE_S

    def __call__(self) -> Depths:
        with self._lock:
            is_fresh = self._clock() - self._at < FRESH_S
            if not is_fresh and self._reading is None:
                self._reading = threading.Thread(target=self._refresh, name="storehand-depths", daemon=True)
                self._reading.start()
            reading = self._reading
        if reading is not None:
            reading.join(WAIT_S)
        return self._last if self._clock() - self._at < STALE_S else {}

    def _refresh(self) -> None:
        try:
            read = self._read()
        except Exception as error:  # each transport has errors of its own
            log.debug("queue depths can't be read: %s", type(error).__name__)
            with self._lock:
                self._reading = None
            return
        with self._lock:
            self._last, self._at, self._reading = read, self._clock(), None
