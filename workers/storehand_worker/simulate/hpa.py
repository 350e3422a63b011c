"""The Horizontal Pod Autoscaler's arithmetic, as its controller does it: tolerance, windows, policies. Pure.

Source: kubernetes.io, "Horizontal Pod Autoscaling" (algorithm details, configurable scaling behaviour).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

SYNC_S = 15.0
TOLERANCE = 0.1
"""Both the controller's defaults."""


@dataclass(frozen=True, slots=True)
class Pace:
    """So much per `period_s` at most; the larger of the two counts. None: no bound of that kind."""

    percent: float | None = 100.0
    pods: int | None = 4
    period_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`behavior` of an HPA; the defaults are Kubernetes' own."""

    up: Pace = Pace()
    up_window_s: float = 0.0
    down: Pace = Pace(percent=100.0, pods=None)
    down_window_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a metric says: by its kind a total to be shared, a ratio to a target, or a share of a request."""

    value: float
    target: float = 1.0
    is_total: bool = True
    """`AverageValue`: the total over the target is the number of pods. Else `Value` and `Utilization`: what there is
    times the ratio."""


def proposed(reading: Reading, *, replicas: int, ready: int) -> int:
    """Pods that the metric asks for."""
    if reading.is_total:
        ratio = reading.value / (reading.target * replicas) if replicas else math.inf
        if abs(ratio - 1.0) <= TOLERANCE:
            return replicas
        return math.ceil(reading.value / reading.target - 1e-9)
    ratio = reading.value / reading.target
    if abs(ratio - 1.0) <= TOLERANCE:
        return replicas
    if ratio > 1.0 and ready < replicas:  # pods that do not serve yet count as idle, so that it does not run away
        ratio = ratio * ready / replicas
        return replicas if ratio <= 1.0 + TOLERANCE else math.ceil(ratio * replicas - 1e-9)
    return math.ceil(ratio * max(ready, 1) - 1e-9)


class Autoscaler:
    """Remembers what was recommended and done, which windows and paces need."""

    def __init__(self, behaviour: Behaviour, *, least: int, most: int) -> None:
        self.behaviour = behaviour
        self.least, self.most = least, most
        self._said: deque[tuple[float, int]] = deque()
        self._done: deque[tuple[float, int]] = deque()

    def decide(self, now_s: float, replicas: int, proposal: int) -> int:
        """The number of pods to ask for now."""
        bounded = min(max(proposal, self.least), self.most)
        steady = self._steady(now_s, replicas, bounded)
        wanted = self._paced(now_s, replicas, steady)
        if wanted != replicas:
            self._done.append((now_s, wanted - replicas))
        return wanted

    def _steady(self, now_s: float, replicas: int, wish: int) -> int:
        up_s, down_s = self.behaviour.up_window_s, self.behaviour.down_window_s
        self._said.append((now_s, wish))
        while self._said and self._said[0][0] < now_s - max(up_s, down_s):
            self._said.popleft()
        least_asked = min(said for at_s, said in self._said if at_s >= now_s - up_s)
        most_asked = max(said for at_s, said in self._said if at_s >= now_s - down_s)
        if replicas < least_asked:
            return least_asked
        return min(replicas, most_asked)

    def _paced(self, now_s: float, replicas: int, wish: int) -> int:
        if wish > replicas:
            pace = self.behaviour.up
            before = replicas - self._changed(now_s, pace.period_s, up=True)
            allowed = [math.ceil(before * (1 + pace.percent / 100))] if pace.percent is not None else []
            allowed += [before + pace.pods] if pace.pods is not None else []
            return max(min(wish, max(allowed)), replicas)
        pace = self.behaviour.down
        before = replicas + self._changed(now_s, pace.period_s, up=False)
        floors = [math.floor(before * (1 - pace.percent / 100))] if pace.percent is not None else []
        floors += [before - pace.pods] if pace.pods is not None else []
        return min(max(wish, min(floors)), replicas)

    def _changed(self, now_s: float, period_s: float, *, up: bool) -> int:
        longest_s = max(self.behaviour.up.period_s, self.behaviour.down.period_s)
        while self._done and self._done[0][0] <= now_s - longest_s:
            self._done.popleft()
        return sum(abs(step) for at_s, step in self._done if at_s > now_s - period_s and (step > 0) == up)
