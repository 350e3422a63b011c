"""Waiting for the store to change: quick polls of a cheap number instead of slow polls of rows."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storehand.store import JobStore

_EAGER_S = 1.0
_EAGER_PAUSE_S = 0.003
_PATIENT_PAUSE_S = 0.02


def pause_s(waited_s: float) -> float:
    """How long to sleep between two polls: short for the answers that come at once, longer for the long jobs."""
    return _EAGER_PAUSE_S if waited_s < _EAGER_S else _PATIENT_PAUSE_S


class Change:
    """Make it before you read, then `wait` when what you read was not enough: no write in between is missed. `ids` are
    the jobs waited for; it may shrink meanwhile."""

    def __init__(self, store: JobStore, timeout_s: float | None, ids: Collection[str]) -> None:
        self._store = store
        self._ids = ids
        self._timeout_s = timeout_s
        self._seen = store.changed(0, list(ids))
        self._began = time.monotonic()
        self._busy_since = self._began

    def wait(self) -> bool:
        """True once the store has changed, False when the time is up. Spends at most a fifth of the time on what the
        caller does between two waits, so that reading thousands of rows does not fill a core."""
        self._sleep(4 * (time.monotonic() - self._busy_since))
        ids = list(self._ids)
        while True:
            number = self._store.changed(self._seen, ids)
            if number != self._seen:
                self._seen = number
                self._busy_since = time.monotonic()
                return True
            if self._left_s() <= 0:
                return False
            self._sleep(pause_s(time.monotonic() - self._began))

    def restart(self) -> None:
        """The timeout counts from now."""
        self._began = time.monotonic()

    def _left_s(self) -> float:
        return float("inf") if self._timeout_s is None else self._began + self._timeout_s - time.monotonic()

    def _sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._left_s())))
