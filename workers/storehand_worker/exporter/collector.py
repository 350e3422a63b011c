"""The figures as Prometheus reads them. Asks nobody: a scrape takes what was read last."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from storehand.job import Priority
from storehand_worker.exporter import series
from storehand_worker.exporter.figures import Figures
from storehand_worker.exporter.plan import Plan
from storehand_worker.exporter.readings import BrokerReading, StoreReading
from storehand_worker.exporter.series import Series
from storehand_worker.exporter.source import Source

Family = GaugeMetricFamily | CounterMetricFamily
StoreSource = Source[tuple[StoreReading, Figures]]
BrokerSource = Source[BrokerReading]


class ExporterCollector(Collector):
    def __init__(self, plan: Plan, store: StoreSource, broker: BrokerSource) -> None:
        self._plan = plan
        self._store = store
        self._broker = broker

    def collect(self) -> Iterator[Family]:
        """Families without a figure are there all the same, with their sentences."""
        families = {each: each.family() for each in series.ALL}
        self._add_jobs(families)
        self._add_messages(families)
        self._add_plan(families)
        self._add_itself(families)
        yield from families.values()

    def describe(self) -> Iterator[Family]:
        return (each.family() for each in series.ALL)

    def _add_jobs(self, families: dict[Series, Family]) -> None:
        read = self._store.fresh()
        if read is None:
            return
        reading, figures = read.value
        for labels, jobs in figures.jobs.items():
            for each, value in (
                (series.JOBS_WAITING, jobs.waiting),
                (series.JOBS_SCHEDULED, jobs.scheduled),
                (series.JOBS_RUNNING, jobs.running),
                (series.OLDEST_WAITING, jobs.oldest_s),
                (series.JOBS_SUBMITTED, jobs.submitted),
                (series.JOBS_FINISHED, jobs.finished),
                (series.SERVICE_SECONDS, jobs.busy_s),
            ):
                families[each].add_metric(labels, value)
        for pool, needs in figures.needs.items():
            families[series.REQUIRED_WORKERS].add_metric([pool], needs.required)
            families[series.WORK_WAITING].add_metric([pool], needs.work_waiting_s)
        broker = self._broker.fresh()
        families[series.UNSERVED_JOBS].add_metric([], figures.unserved)
        dead = reading.upkeep.dead_letters + (broker.value.dead if broker else 0)
        families[series.DEAD_LETTERS].add_metric([], dead)
        families[series.RECONCILER_UP].add_metric([], float(reading.upkeep.leader is not None))
        families[series.UNRUNG_JOBS].add_metric([], reading.upkeep.unrung)

    def _add_messages(self, families: dict[Series, Family]) -> None:
        read = self._broker.fresh()
        if read is None:
            return
        messages = families[series.QUEUE_MESSAGES]
        for name, labels in self._plan.queues.items():
            ready, in_hand = read.value.depths.get(name, (0, 0))
            messages.add_metric([*labels, "ready"], ready)
            if in_hand is not None:
                messages.add_metric([*labels, "in_hand"], in_hand)

    def _add_plan(self, families: dict[Series, Family]) -> None:
        for name, pool in self._plan.pools.items():
            for each, value in (
                (series.POOL_SLOTS, pool.slots),
                (series.POOL_UTILIZATION, pool.utilization),
                (series.POOL_OBJECTIVE, pool.objective),
                (series.POOL_HINT, pool.service_hint_s),
                (series.POOL_COLD_START, pool.cold_start_s),
                (series.POOL_MIN, pool.min_workers),
                (series.POOL_MAX, pool.max_workers),
            ):
                families[each].add_metric([name], value)
            for priority in Priority:
                families[series.POOL_CATCH_UP].add_metric([name, priority], pool.catch_up(priority))
                families[series.POOL_WAIT].add_metric([name, priority], pool.wait_objective_s[priority])

    def _add_itself(self, families: dict[Series, Family]) -> None:
        for source in (self._store, self._broker):
            families[series.EXPORTER_UP].add_metric([source.name], float(source.trouble is None))
            if source.age_s is not None:
                families[series.EXPORTER_AGE].add_metric([source.name], source.age_s)
            if (read := source.fresh()) is not None:
                families[series.EXPORTER_READ].add_metric([source.name], read.took_s)


def registry_of(collector: ExporterCollector) -> CollectorRegistry:
    """With the process's own CPU and memory."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return registry
