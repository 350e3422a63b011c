"""What Prometheus knows of the simulated pool: counters as scraped, windows over them, the rule's last value."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storehand.job import Priority
from storehand.pools import Pool
from storehand.scaling import Demand, required_workers
from storehand_worker.simulate.names import ServiceTime

SCRAPE_S = 15.0
ARRIVALS_S = 120.0
SHORT_S, LONG_S, BUSY_S = 300.0, 1800.0, 3600.0
"""Windows of the recording rules (operation/rules); the last is only tried here (`ServiceTime.BUSIEST`)."""


@dataclass(slots=True)
class Counts:
    """Of one task at one priority, now; the store's tally."""

    task: str
    priority: Priority
    waiting: int = 0
    running: int = 0
    submitted: int = 0
    finished: int = 0
    busy_s: float = 0.0


class Monitor:
    """Scraped samples and the windows over them."""

    def __init__(self, pool: Pool, *, how: ServiceTime, bias: float = 1.0) -> None:
        self.pool = pool
        self.how = how
        self.bias = bias
        """What the measured service time is multiplied by: an error to be lived with."""
        self.required: float | None = None
        self.told_by_exporter: float | None = None
        self._crowd: deque[tuple[int, int]] = deque(maxlen=int(SHORT_S / SCRAPE_S))
        self._samples: list[list[tuple[int, int, float, int]]] = []
        self._means: list[list[float]] = []
        self._known: list[float | None] = []

    def scrape(self, counts: Sequence[Counts], *, ready: int) -> None:
        self._crowd.append((sum(each.running for each in counts), ready))
        while len(self._samples) < len(counts):
            self._samples.append([(0, 0, 0.0, 0)])
            self._means.append([])
            self._known.append(None)
        for index, each in enumerate(counts):
            self._samples[index].append((each.submitted, each.finished, each.busy_s, each.waiting))
            self._means[index].append(self._mean(index, SHORT_S) or 0.0)

    def evaluate(self, counts: Sequence[Counts]) -> None:
        in_hand, ready = (sum(column) for column in zip(*self._crowd, strict=True))
        crowd = in_hand / ready if ready else 0.0
        demands = list(self._demands(counts))
        self.required = required_workers(self.pool, demands, in_hand=crowd)
        self.told_by_exporter = required_workers(self.pool, demands)

    def _demands(self, counts: Sequence[Counts]) -> Iterable[Demand]:
        for index, each in enumerate(counts):
            if index < len(self._samples):
                yield Demand(each.priority, self._arrivals(index), self._samples[index][-1][3], self._service(index))

    def _arrivals(self, index: int) -> float:
        samples = self._samples[index]
        first = max(len(samples) - 1 - int(ARRIVALS_S / SCRAPE_S), 0)
        span_s = (len(samples) - 1 - first) * SCRAPE_S
        return (samples[-1][0] - samples[first][0]) / span_s if span_s else 0.0

    def _service(self, index: int) -> float:
        measured = self._measured(index)
        if measured:
            self._known[index] = measured
        return (self._known[index] or self.pool.service_hint_s) * self.bias

    def _measured(self, index: int) -> float | None:
        if self.how is ServiceTime.HINT:
            return None
        if self.how is ServiceTime.MEAN_5M:
            return self._mean(index, SHORT_S)
        if self.how is ServiceTime.LARGER:
            return max(self._mean(index, SHORT_S) or 0.0, self._mean(index, LONG_S) or 0.0)
        if self.how is ServiceTime.BUSIEST:
            return max(self._means[index][-int(BUSY_S / SCRAPE_S) :])
        return self._mean(index, LONG_S)

    def _mean(self, index: int, window_s: float) -> float | None:
        samples = self._samples[index]
        first = max(len(samples) - 1 - int(window_s / SCRAPE_S), 0)
        ended = samples[-1][1] - samples[first][1]
        return (samples[-1][2] - samples[first][2]) / ended if ended else None
