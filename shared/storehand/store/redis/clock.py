"""The server's clock, known without asking."""

from __future__ import annotations

import time
from collections.abc import Callable


class ServerClock:
    """Every reply carries the server's time; between two of them the own monotonic clock goes on. What it says is never
    before a time that the server has told, and not after the server's own by more than a round trip."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ahead: float | None = None
        self._learnt_at = 0.0

    def learn(self, told: float, *, asked_at: float) -> None:
        """The server told this time in answer to a question of that monotonic time."""
        now = self._monotonic()
        least, most = told - now, told - asked_at
        if self._ahead is None or not least <= self._ahead <= most:  # none yet, better, or somebody set a clock
            self._ahead = least
        self._learnt_at = now

    def now(self, *, fresh_s: float) -> float | None:
        """None when the last reply is older than that: clocks drift."""
        now = self._monotonic()
        if self._ahead is None or now - self._learnt_at > fresh_s:
            return None
        return now + self._ahead

    def estimate(self) -> float:
        assert self._ahead is not None
        return self._monotonic() + self._ahead
