"""Arrivals and service times of the last minutes, from counters that only grow. Pure; the caller brings the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

ARRIVALS_S = 120.0
SHORT_SERVICE_S = 300.0
SERVICE_S = 1800.0
REMEMBERED_S = 7 * 86400.0
"""What a job took is remembered so long after the last one."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts:
    """So far."""

    submitted: int = 0
    finished: int = 0
    busy_s: float = 0.0


class Windows(Generic[K]):
    """One look after the other, by key. A counter that fell is a new store's: what was seen before is forgotten."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Mapping[K, Counts]]] = deque()
        self._service: dict[K, tuple[float, float]] = {}

    def look(self, at: float, counts: Mapping[K, Counts]) -> None:
        """`at` in seconds, never less than before."""
        if self._looks and _fell(self._looks[-1][1], counts):
            self._looks.clear()
        self._looks.append((at, dict(counts)))
        while len(self._looks) > 1 and self._looks[1][0] <= at - SERVICE_S:
            self._looks.popleft()
        self._learn(at)

    def arrivals_per_s(self, key: K) -> float:
        """Of the last two minutes, or since the first look."""
        if len(self._looks) < 2:
            return 0.0
        now, last = self._looks[-1]
        at, first = self._look_before(now - ARRIVALS_S)
        return (_of(last, key).submitted - _of(first, key).submitted) / (now - at) if now > at else 0.0

    def service_s(self, key: K, hint_s: float) -> float:
        """The larger of the means of five and of thirty minutes: a full engine takes twice an empty one's time, which
        should neither come late nor be forgotten soon. Without jobs the last one known, for seven days; else the hint.
        """
        at, mean = self._service.get(key, (-REMEMBERED_S, hint_s))
        is_known = bool(self._looks) and self._looks[-1][0] - at < REMEMBERED_S
        return mean if is_known else hint_s

    def _learn(self, at: float) -> None:
        last = self._looks[-1][1]
        windows = [self._look_before(at - window)[1] for window in (SHORT_SERVICE_S, SERVICE_S)]
        for key, counts in last.items():
            means = [
                (counts.busy_s - _of(first, key).busy_s) / finished
                for first in windows
                if (finished := counts.finished - _of(first, key).finished)
            ]
            if means:
                self._service[key] = (at, max(means))

    def _look_before(self, at: float) -> tuple[float, Mapping[K, Counts]]:
        """The last look at this time or before; the first of all where there is none."""
        found = self._looks[0]
        for look in self._looks:
            if look[0] > at:
                break
            found = look
        return found


_NONE = Counts()


def _of(counts: Mapping[K, Counts], key: K) -> Counts:
    return counts.get(key, _NONE)


def _fell(before: Mapping[K, Counts], after: Mapping[K, Counts]) -> bool:
    return any(
        _of(after, key).submitted < counts.submitted or _of(after, key).finished < counts.finished
        for key, counts in before.items()
    )
