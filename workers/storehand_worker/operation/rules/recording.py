"""What is recorded: the demand on each pool, what it needs, what it has, and how its promises are kept.

`pool:storehand_required_workers:sum` is `storehand.scaling.required_workers` in PromQL; a test holds them together.
Thresholds come from the plan, which the exporter publishes (`storehand_pool_*`), so that a change of values changes no
rule.
"""

from __future__ import annotations

from storehand_worker.operation.rules.plan import CATCH_UP, FRESH, SERVICE_HINT, SLOTS, UTILIZATION
from storehand_worker.operation.rules.promql import (
    POOL,
    PRIORITY,
    RELEASE,
    TASK,
    joined,
    otherwise_zero,
    pooled,
    told,
    workers,
)
from storehand_worker.operation.rules.rule import Group, Record

POINT_S = 30
"""Seconds between the points of `storehand-slo`: a sum of rates times this is a number of jobs."""

WINDOWS = ("30m", "1h", "2h", "6h")
"""Beside 5m, from whose points they are summed: each job weighs alike, and a thousand workers cost no more than one."""

LONG_WINDOWS = ("1d", "3d", "30d:5m")
"""Of 30 days a point every 5 minutes is enough, for each covers 5 minutes."""

_WAITING = "task:storehand_jobs_waiting:sum"
_SUBMITTED = "task:storehand_jobs_submitted:rate2m"
_MEAN_NOW = "task:storehand_service_seconds:mean5m"
_MEAN = "task:storehand_service_seconds:mean30m"
_SERVICE = "task:storehand_service_seconds:max"
"""The larger of the two: a full engine takes longer for a job, and that is seen at once and not forgotten at once."""

_REQUIRED = "pool:storehand_required_workers:sum"
_WORK = "pool:storehand_work_waiting_seconds:sum"
_READY = "pool:storehand_ready_workers:sum"
_RUNNING = "pool:storehand_jobs_running:sum"
_IN_USE = "pool:storehand_slots:max5m"
"""The slots of a worker, or what a ready worker has had in hand where that is more: an overfull engine takes longer for
a job because it is overfull, and the rule must not count that twice."""


def _counted(metric: str, window: str) -> str:
    """Per second, of a counter that is read from the store."""
    per_queue = told(f"rate({metric}[{window}])", f"{TASK}, queue")
    return f"sum by ({TASK}) ({per_queue})"


def _mean(window: str) -> str:
    """Seconds a job held its slot; nothing where none ended."""
    spent, ended = (
        _counted("storehand_service_seconds_total", window),
        _counted("storehand_jobs_finished_total", window),
    )
    return f"{spent}\n  / ({ended} > 0)"


def _planned(expression: str) -> str:
    """A number of slots for each pool of the plan, 0 where nothing is said."""
    return otherwise_zero(f"sum by ({POOL}) ({expression})", SLOTS, POOL)


_ARRIVING = _planned(f'{_SERVICE} * on ({TASK}) {_SUBMITTED}{{priority!="bulk"}}')
_CATCHING_UP = _planned(f"{_SERVICE} * on ({TASK}) {_WAITING} / on ({PRIORITY}) group_left () {CATCH_UP}")
_IN_HAND = f"avg_over_time({_RUNNING}[5m])\n  / on ({POOL}) (avg_over_time({_READY}[5m]) > 0)"
_WORKING_OFF = _planned(f"{_SERVICE} * on ({TASK}) {_WAITING}")

DEMAND = Group(
    "storehand-demand",
    (
        Record(_WAITING, f"sum by ({TASK}) ({told('storehand_jobs_waiting', f'{TASK}, queue')})"),
        Record(_SUBMITTED, _counted("storehand_jobs_submitted_total", "2m")),
        Record(_MEAN_NOW, _mean("5m")),
        Record(_MEAN, _mean("30m")),
        Record(
            _SERVICE,
            f"({_MEAN_NOW} > on ({TASK}) {_MEAN})\n  or {_MEAN}\n  or last_over_time({_MEAN}[7d])\n  or "
            + joined(f"0 * ({_WAITING} or {_SUBMITTED})", "+", SERVICE_HINT, POOL),
        ),
        Record(_READY, otherwise_zero(workers("storehand_ready"), SLOTS, POOL)),
        Record(_RUNNING, f"sum by ({POOL}) ({told('storehand_jobs_running', f'{TASK}, queue')})"),
        Record(_IN_USE, f"({_IN_HAND} > on ({POOL}) {SLOTS})\n  or on ({POOL}) {SLOTS}"),
        Record(
            _REQUIRED,
            f"({_ARRIVING} / on ({POOL}) {UTILIZATION}\n  + on ({POOL}) {_CATCHING_UP})"
            f"\n  / on ({POOL}) {_IN_USE}\n  and on ({RELEASE}) {FRESH}",
        ),
        Record(_WORK, f"{_WORKING_OFF}\n  / on ({POOL}) {SLOTS}\n  and on ({RELEASE}) {FRESH}"),
        Record("pool:storehand_jobs_waiting:sum", f"sum by ({POOL}) ({_WAITING})"),
        Record(
            "pool:storehand_backlog_seconds:ratio",
            f"{_WORK} / on ({POOL}) clamp_min({_READY}, 1)",
        ),
    ),
)


def _share(level: str, labels: str, window: str) -> Record:
    """Jobs that were late or failed, of all that count; 0 where none was, nothing where none ended."""
    source = "priority:storehand_slo_jobs:rate5m"
    name, _, _ = window.partition(":")
    bad, every = f'{source}{{verdict!="good"}}', source
    if window != "5m":
        bad, every = f"sum_over_time({bad}[{window}])", f"sum_over_time({every}[{window}])"
    every = f"sum by ({labels}) ({every})"
    share = f"{otherwise_zero(f'sum by ({labels}) ({bad})', every, labels)}\n  / on ({labels}) ({every} > 0)"
    if ":" in window:  # its points lie at full five minutes, and the first have none
        share += f"\n  or on ({labels}) {level}:storehand_slo_errors:ratio_rate3d"
    return Record(f"{level}:storehand_slo_errors:ratio_rate{name}", share)


def _shares(*windows: str) -> tuple[Record, ...]:
    levels = (("priority", PRIORITY), ("pool", POOL))
    return tuple(_share(level, labels, window) for window in windows for level, labels in levels)


_ENDED = "rate(storehand_slo_jobs_total[5m])"
_OWNERS = f'group by ({POOL}, task) (storehand_jobs_waiting{{pool!=""}})'
_OWNER = f"({_OWNERS} unless on ({RELEASE}, task) count by ({RELEASE}, task) ({_OWNERS}) > 1)"
"""The pool that a task's jobs wait in, where all exporters name one. Else it is the worker's own, which is wrong for
one kind of job: those that expire while they wait are ended, for all pools, by the one worker that reconciles."""

SLO = Group(
    "storehand-slo",
    (
        Record(
            "task:storehand_slo_jobs:rate5m",
            f"sum by ({RELEASE}, priority, task, verdict) ({_ENDED})\n"
            f"  * on ({RELEASE}, task) group_left (pool) {_OWNER}\n"
            f"  or sum by ({TASK}, verdict) ({pooled(_ENDED)}) unless on ({RELEASE}, task) {_OWNER}",
        ),
        Record(
            "priority:storehand_slo_jobs:rate5m",
            f"sum by ({PRIORITY}, verdict) (task:storehand_slo_jobs:rate5m)",
        ),
        *_shares("5m", *WINDOWS),
    ),
    interval=f"{POINT_S}s",
)

SLO_LONG = Group("storehand-slo-long", _shares(*LONG_WINDOWS), interval="2m")
"""Well below the five minutes that Prometheus looks back: one evaluation left out is then no gap."""


def _p95(histogram: str) -> str:
    buckets = pooled(f"rate({histogram}_bucket[5m])")
    return f"histogram_quantile(0.95, sum by ({TASK}, le) ({buckets}))"


TASKS = Group(
    "storehand-tasks",
    (
        Record(
            "task:storehand_jobs_ended:rate5m",
            f"sum by ({POOL}, task, outcome) ({pooled('rate(storehand_jobs_total[5m])')})",
        ),
        Record("task:storehand_broker_wait_seconds:p95_rate5m", _p95("storehand_broker_wait_seconds")),
        Record("task:storehand_process_seconds:p95_rate5m", _p95("storehand_process_seconds")),
    ),
)

RECORDING = (DEMAND, SLO, SLO_LONG, TASKS)
