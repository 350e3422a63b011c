"""Metrics that are asked for when somebody scrapes: what the engines hold, how near they are to the machine's limit,
and how long the embedded queues are."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storehand.engine import EngineHealth, EngineState, EngineStats
from storehand_worker.discretion import told

log = logging.getLogger(__name__)

RECENT_S = 30
"""How far back the roofline ratio looks."""

Depths = Callable[[], Mapping[str, tuple[int, int | None]]]
"""Queue -> (ready, in hand; None where the broker does not say)."""


class Engines(Protocol):
    """The host, as far as it is looked at here."""

    def stats(self) -> Mapping[str, EngineStats]: ...
    def health(self) -> Mapping[str, EngineHealth]: ...


class EngineCollector(Collector):
    """Running, waiting and up, by model; what memory allows a batch, and how often it ran out or the loop failed."""

    def __init__(self, engines: Engines, registry: CollectorRegistry) -> None:
        self._engines = engines
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        running = _family("running", "Items on the device now.", "model")
        waiting = _family("waiting", "Items in the lane before the engine.", "model")
        up = _family("engine_up", "1 while the engine can answer.", "model")
        budget = _family("engine_budget_tokens", "Tokens a batch may have, as learned from what fits.", "model")
        shortages = _counts("oom", "Batches that ran out of memory and were taken apart.", "model")
        restarts = _counts("engine_restarts", "Times an engine's loop failed and went on.", "model")
        tokens = _family("kv_tokens", "Tokens in the memory of a text engine's slots.", "model", "state")
        for model, stats in self._engines.stats().items():
            running.add_metric([model], stats.running)
            waiting.add_metric([model], stats.waiting)
            budget.add_metric([model], stats.budget_tokens)
            shortages.add_metric([model], stats.shortages)
            restarts.add_metric([model], stats.restarts)
            if stats.kv_limit:
                tokens.add_metric([model, "used"], stats.kv_used)
                tokens.add_metric([model, "reserved"], stats.kv_reserved)
                tokens.add_metric([model, "limit"], stats.kv_limit)
        for model, health in self._engines.health().items():
            up.add_metric([model], float(health.state is not EngineState.DEAD))
        yield from (running, waiting, up, budget, shortages, restarts, tokens)


class RooflineCollector(Collector):
    """Least over spent seconds of the steps of the last 30 s, by model and phase; nothing where none was done."""

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[tuple[str, str], deque[list[float]]] = defaultdict(deque)  # [second, least, spent]
        self._lock = threading.Lock()  # engines note, scrapes read
        registry.register(self)

    def note(self, model: str, phase: str, *, least_s: float, seconds: float) -> None:
        """A step is done. Steps of one second are summed: a scrape must not walk over thousands."""
        second = self._clock() // 1
        with self._lock:
            sums = self._seconds[model, phase]
            if not sums or sums[-1][0] != second:
                sums.append([second, 0.0, 0.0])
                self._forget(sums)
            sums[-1][1] += least_s
            sums[-1][2] += seconds

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = _family("roofline_ratio", "Least over spent seconds of the steps of the last 30 s.", "model", "phase")
        with self._lock:
            for labels, sums in self._seconds.items():
                self._forget(sums)
                if spent := sum(each[2] for each in sums):
                    family.add_metric(labels, sum(each[1] for each in sums) / spent)
        yield family

    def _forget(self, sums: deque[list[float]]) -> None:
        while sums and sums[0][0] < self._clock() - RECENT_S:
            sums.popleft()


_QUEUE_DEPTH = "Messages in a queue of the broker: ready, and in some worker's hand (not told by RabbitMQ)."


class QueueCollector(Collector):
    """Depth of the broker's queues: ready, and in some worker's hand, which RabbitMQ does not say."""

    def __init__(self, depths: Depths, registry: CollectorRegistry, *, names: Iterable[str], other: str) -> None:
        self._depths = depths
        self._names = frozenset(names)
        self._other = other
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = _family("queue_depth", _QUEUE_DEPTH, "queue", "state")
        try:
            depths = self._depths()
        except Exception as error:  # a busy database must not cost the scrape all other metrics
            log.warning("queue depths can't be read (%s); this scrape goes on without them", told(error))
            depths = {}
        for (queue, state), messages in self._summed(depths).items():
            family.add_metric([queue, state], messages)
        yield family

    def _summed(self, depths: Mapping[str, tuple[int, int | None]]) -> Counter[tuple[str, str]]:
        sums = Counter[tuple[str, str]]()
        for queue, (ready, in_hand) in depths.items():
            label = queue if queue in self._names else self._other
            sums[label, "ready"] += ready
            if in_hand is not None:
                sums[label, "in_hand"] += in_hand
        return sums

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Names it without asking the database; registration would."""
        yield _family("queue_depth", _QUEUE_DEPTH, "queue", "state")


def _counts(name: str, sentence: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"storehand_{name}", sentence, labels=labels)


def _family(name: str, sentence: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"storehand_{name}", sentence, labels=labels)
