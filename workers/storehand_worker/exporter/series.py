"""Every metric of the exporter, in one place: name, kind, labels, sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "storehand_"
JOB_LABELS = ("pool", "queue", "task", "priority")


@dataclass(frozen=True, slots=True)
class Series:
    """`name` without prefix, and for a counter without `_total`."""

    name: str
    sentence: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"

    def family(self) -> GaugeMetricFamily | CounterMetricFamily:
        kind = GaugeMetricFamily if self.kind == "gauge" else CounterMetricFamily
        return kind(PREFIX + self.name, self.sentence, labels=self.labels)


JOBS_WAITING = Series("jobs_waiting", "Jobs that are due and not begun, or whose workers are all gone.", JOB_LABELS)
JOBS_SCHEDULED = Series("jobs_scheduled", "Jobs that wait for their time or for another try.", JOB_LABELS)
JOBS_RUNNING = Series("jobs_running", "Jobs that a worker has claimed.", JOB_LABELS)
OLDEST_WAITING = Series(
    "oldest_waiting_seconds", "Since the oldest waiting job could have begun; 0 when none waits.", JOB_LABELS
)
JOBS_SUBMITTED = Series("jobs_submitted", "Jobs that were stored.", JOB_LABELS, "counter")
JOBS_FINISHED = Series("jobs_finished", "Jobs that ended while a worker had them.", JOB_LABELS, "counter")
SERVICE_SECONDS = Series(
    "service_seconds", "Time that workers had jobs, from claim to end or hand-back.", JOB_LABELS, "counter"
)
UNSERVED_JOBS = Series("unserved_jobs", "Waiting and scheduled jobs of families that no pool serves.")
DEAD_LETTERS = Series("dead_letters", "Poison jobs and malformed messages that people should look at.")
RECONCILER_UP = Series("reconciler_up", "1 while some worker looks for lost jobs.")
UNRUNG_JOBS = Series("unrung_jobs", "Jobs that need a message and have none, up to 1,000; the reconciler rings them.")
QUEUE_MESSAGES = Series(
    "queue_messages",
    "Messages at the broker: ready, or in some worker's hand (not told by RabbitMQ).",
    ("pool", "queue", "priority", "state"),
)
REQUIRED_WORKERS = Series("required_workers", "Workers that keep the promise: the scaling rule.", ("pool",))
WORK_WAITING = Series("work_waiting_seconds", "What one worker alone would need for all that waits.", ("pool",))
EXPORTER_UP = Series("exporter_up", "1 while broker or store can be read.", ("source",))
EXPORTER_READ = Series("exporter_read_seconds", "What the last good read took.", ("source",))
EXPORTER_AGE = Series("exporter_age_seconds", "Since the last good read.", ("source",))
POOL_SLOTS = Series("pool_slots", "Jobs that one worker works on side by side.", ("pool",))
POOL_UTILIZATION = Series("pool_target_utilization_ratio", "Share of the slots that arrivals may fill.", ("pool",))
POOL_CATCH_UP = Series("pool_catch_up_seconds", "A backlog is to be gone within this.", ("pool", "priority"))
POOL_WAIT = Series("pool_wait_objective_seconds", "A job should start within this.", ("pool", "priority"))
POOL_OBJECTIVE = Series("pool_objective_ratio", "Share of jobs that must start in time and not fail.", ("pool",))
POOL_HINT = Series("pool_service_hint_seconds", "What a job takes, until some have been measured.", ("pool",))
POOL_COLD_START = Series("pool_cold_start_seconds", "From a pod's creation until it serves.", ("pool",))
POOL_MIN = Series("pool_min_workers", "Least workers.", ("pool",))
POOL_MAX = Series("pool_max_workers", "Most workers.", ("pool",))

GROUPS: dict[str, tuple[Series, ...]] = {
    "Jobs, from the store": (
        JOBS_WAITING, JOBS_SCHEDULED, JOBS_RUNNING, OLDEST_WAITING, JOBS_SUBMITTED, JOBS_FINISHED, SERVICE_SECONDS,
        UNSERVED_JOBS, DEAD_LETTERS, RECONCILER_UP, UNRUNG_JOBS,
    ),
    "Messages, from the broker": (QUEUE_MESSAGES,),
    "What is needed": (REQUIRED_WORKERS, WORK_WAITING),
    "The plan, from the setting `pools`": (
        POOL_SLOTS, POOL_UTILIZATION, POOL_CATCH_UP, POOL_WAIT, POOL_OBJECTIVE, POOL_HINT, POOL_COLD_START, POOL_MIN,
        POOL_MAX,
    ),
    "The exporter itself": (EXPORTER_UP, EXPORTER_READ, EXPORTER_AGE),
}  # fmt: skip

ALL: tuple[Series, ...] = tuple(series for group in GROUPS.values() for series in group)


def exporter_metric_names() -> frozenset[str]:
    """As Prometheus knows them, counters with `_total`."""
    return frozenset(series.full_name for series in ALL)
