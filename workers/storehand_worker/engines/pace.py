"""How long a step takes: what a text must be given up ahead of its deadline to arrive in time."""

from __future__ import annotations

FADE = 0.8
"""A slow step counts less with each one after it."""
DELIVERY_S = 0.02


class Pace:
    """Pure: told how long steps took."""

    def __init__(self) -> None:
        self._slow_s = 0.0

    def observe(self, seconds: float) -> None:
        self._slow_s = max(seconds, FADE * self._slow_s)

    @property
    def reserve_s(self) -> float:
        """A text that has no more than this before its deadline may miss it with one more token: a step like the slow
        ones of late, and the answer's way out."""
        return self._slow_s + DELIVERY_S
