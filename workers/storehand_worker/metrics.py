"""Every metric of the worker, in one place. Labels come from closed sets: what is not in them is `other`.

The worker counts by attribute (`metrics.leases_lost.inc()`); jobs and batches are counted by the hooks below, model
calls by `on_call`. Queues, engines, devices and the worker's own state are asked when somebody scrapes
(`metrics_live.py`, `metrics_worker.py`).
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, TypeVar, cast, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from storehand.engine import BatchReport
from storehand.errors import StorehandError
from storehand.hookspecs import hookimpl
from storehand.job import Job, Outcome, Priority, Status
from storehand.pools import WAIT_OBJECTIVE_S
from storehand_worker.liveness import Checks, Liveness
from storehand_worker.lost import Why
from storehand_worker.metrics_live import Depths, EngineCollector, Engines, QueueCollector, RooflineCollector
from storehand_worker.metrics_worker import DeviceCollector, WorkerCollector
from storehand_worker.models import CallReport
from storehand_worker.verdict import VERDICTS, verdict

OTHER = "other"
M = TypeVar("M", Counter, Histogram)

BROKER_WAIT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 7200, 21600)
LANE_WAIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
WORK_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 300, 600, 900)
E2E_S = (*WORK_S[:-1], 1800, 3600, 7200, 21600)
FIRST_TOKEN_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
PER_TOKEN_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5)
STEP_S = tuple(0.0005 * 2**power for power in range(16))
ITEMS = tuple(2**power for power in range(11))
TOKENS = (*(2**power for power in range(9)), *(2**power * half for power in range(9, 15) for half in (1, 1.5)))
RATIO = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


class Metrics:
    """All counters of one worker, on a registry of their own. Register it as an observer; it is one.

    `wait_objective_s` is the setting, which says what is late."""

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        wait_objective_s: Mapping[Priority, float] = WAIT_OBJECTIVE_S,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # an untyped one; nobody reads those series
        self.registry = registry or CollectorRegistry()
        self._wait_objective_s = wait_objective_s
        self._tasks: frozenset[str] = frozenset()
        self._models: frozenset[str] = frozenset()
        self._children: dict[tuple[int, tuple[str, ...]], Any] = {}
        self._codes = frozenset({"ok", *_codes(StorehandError)})
        self._jobs()
        self._waits()
        self._engines()
        self._care()
        Info("storehand", "Versions of this worker.", registry=self.registry).info(
            {"version": version("storehand"), "python": platform.python_version()}
        )
        ProcessCollector(registry=self.registry)

    def know(self, *, tasks: Iterable[str] = (), models: Iterable[str] = ()) -> None:
        """Adds to the closed sets that label values come from."""
        self._tasks |= frozenset(tasks)
        self._models |= frozenset(models)

    def watch_engines(self, engines: Engines) -> None:
        """Once, when the host has loaded: its engines are gauges from now on, and their names are labels."""
        self.know(models=engines.stats())
        EngineCollector(engines, self.registry)

    def watch_queues(self, depths: Depths, *, names: Iterable[str]) -> None:
        """Once: `depths` is called at every scrape. Queues that are not among `names` are summed as `other`: everybody
        who may publish can make more of them."""
        QueueCollector(depths, self.registry, names=names, other=OTHER)

    def watch_worker(self, liveness: Liveness, checks: Checks, *, slots: Callable[[], int]) -> None:
        """Once, before anybody may scrape."""
        WorkerCollector(liveness, checks, self.registry, slots=slots)
        DeviceCollector(self.registry)

    def watch_store(self, is_up: Callable[[], bool]) -> None:
        """Once, when there is one."""
        self.store_up.set_function(lambda: float(is_up()))

    def watch_jobs(self, in_hand: Callable[[], int]) -> None:
        """Once: `in_hand` is called at every scrape."""
        self.jobs_in_hand.set_function(in_hand)

    # What is counted

    def _jobs(self) -> None:
        self.jobs = self._counter("jobs", "Jobs that ended here, by how.", "task", "outcome", "code")
        self.e2e = self._histogram("e2e_seconds", "Submitted to stored outcome.", E2E_S, "task", "outcome")
        self.slo_jobs = self._counter(
            "slo_jobs", "Jobs that ended, by whether they were served as promised.", "task", "priority", "verdict"
        )
        self.process = self._histogram(
            "process_seconds", "Claimed to stored outcome, of the last attempt.", WORK_S, "task", "priority"
        )
        self.jobs_in_hand = self._gauge("jobs_in_hand", "Jobs this worker has claimed and not yet ended.")

    def _waits(self) -> None:
        self.broker_wait = self._histogram(
            "broker_wait_seconds", "Due to first claim, by the store's clock.", BROKER_WAIT_S, "task", "priority"
        )
        self.lane_wait = self._histogram(
            "lane_wait_seconds", "Model call submitted to scheduled.", LANE_WAIT_S, "task", "priority"
        )
        self.start = self._histogram(
            "start_seconds", "Claimed to scheduled of a job's first model call.", LANE_WAIT_S, "task", "priority"
        )
        self.inference = self._histogram(
            "inference_seconds", "Model call scheduled to last token.", WORK_S, "task", "model"
        )
        self.first_token = self._histogram(
            "time_to_first_token_seconds", "Text call submitted to first token.", FIRST_TOKEN_S, "task", "model"
        )
        self.per_token = self._histogram(
            "time_per_output_token_seconds", "Pace of a text after its first token.", PER_TOKEN_S, "task", "model"
        )

    def _engines(self) -> None:
        self.tokens = self._counter(
            "tokens", "Tokens by kind: prompt and output of answered calls, padding, wasted.", "model", "kind"
        )
        self.calls = self._counter("model_calls", "Requests to an engine that ended.", "task", "model", "code")
        self.batch_items = self._histogram("batch_items", "Items of one engine step.", ITEMS, "model", "phase")
        self.batch_tokens = self._histogram("batch_tokens", "Tokens of one step.", TOKENS, "model", "phase")
        self.batch_fill = self._histogram(
            "batch_fill_ratio", "Share of a step's nearer limit, slots or tokens.", RATIO, "model", "phase"
        )
        self.step = self._histogram("step_seconds", "One engine step.", STEP_S, "model", "phase")
        self.least = self._counter(
            "least_seconds", "What the useful tokens of the steps need at least on this machine.", "model", "phase"
        )
        self.host_gap = self._counter("host_gap_seconds", "Spent between steps while work was there.", "model")
        self._roofline = RooflineCollector(self.registry)
        self.model_load = self._gauge("model_load_seconds", "How long a model took to load at the start.", "model")

    def _care(self) -> None:
        self.leases_lost = self._counter("leases_lost", "Leases that went to another worker while a job ran.")
        self.redelivered = self._counter("redelivered", "Messages that came again.")
        self.reattached = self._counter("reattached", "Redelivered messages that joined their running job.")
        self.parked = self._counter("parked", "Messages parked because another worker holds the lease.")
        self.quarantined = self._counter("quarantined", "Malformed messages laid aside.")
        self.handed_back = self._counter("handed_back", "Jobs handed back in order while draining.")
        self.crashes = self._counter("crashes", "Jobs found whose worker had died.")
        self.throttled = self._counter("throttled", "Jobs of plain messages refused: their tenant is over its limit.")
        self.retried = self._counter("retried", "Attempts that failed and come again after a pause.")
        self.rung = self._counter("rung", "Jobs without a message that the reconciler rang for, by why.", "why")
        self.store_errors = self._counter("store_errors", "Calls that found the job store away.")
        self.store_up = self._gauge("store_up", "1 while the last call of this worker found its job store.")
        for why in get_args(Why):
            self.rung.labels(why)

    def on_load(self, model: str, seconds: float) -> None:
        """A model is loaded."""
        self.model_load.labels(model).set(seconds)

    def on_rung(self, why: str, jobs: int) -> None:
        """The reconciler rang for so many jobs."""
        self._of(self.rung, why).inc(jobs)

    # What is watched

    @hookimpl
    def on_worker_start(self, tasks: Sequence[str]) -> None:
        """Counters that alerts compute with are there before the first job: the first increase would be lost."""
        self.know(tasks=tasks)
        for task in tasks:
            for outcome in (Status.CANCELLED, Status.EXPIRED):
                self._of(self.jobs, task, outcome, str(outcome))
            for code in self._codes - {Status.CANCELLED, Status.EXPIRED}:
                self._of(self.jobs, task, Status.SUCCEEDED if code == "ok" else Status.FAILED, code)
            for priority in Priority:
                for each in VERDICTS:
                    self._of(self.slo_jobs, task, priority, each)

    @hookimpl
    def on_job_done(self, job: Job, outcome: Outcome) -> None:
        task = self._task(job.task)
        code = outcome.code if outcome.code in self._codes else OTHER
        self._of(self.jobs, task, outcome.status, code).inc()
        ended = time.time() if job.finished_at is None else job.finished_at
        self._of(self.e2e, task, outcome.status).observe(max(0.0, ended - job.created_at))
        if found := verdict(job, outcome, self._wait_objective_s):
            self._of(self.slo_jobs, task, job.priority, found).inc()
        if job.status is Status.RUNNING:  # it ended in our hands, and the row is as its last claim left it
            self._of(self.process, task, job.priority).observe(max(0.0, ended - job.updated_at))
        if job.started_at is not None and job.attempts <= 1:  # a retry waited for its own pause, not for the broker
            due = max(job.created_at, job.not_before or 0.0)
            self._of(self.broker_wait, task, job.priority).observe(max(0.0, job.started_at - due))

    @hookimpl
    def on_batch_done(self, report: BatchReport) -> None:
        model, phase = self._model(report.model), report.phase
        rectangle = report.tokens + report.padding_tokens
        self._of(self.batch_items, model, phase).observe(report.items)
        self._of(self.batch_tokens, model, phase).observe(rectangle)
        self._of(self.step, model, phase).observe(report.seconds)
        self._of(self.host_gap, model).inc(report.gap_s)
        if report.least_s:
            self._of(self.least, model, phase).inc(report.least_s)
            self._roofline.note(model, phase, least_s=report.least_s, seconds=report.seconds)
        self._of(self.tokens, model, "padding").inc(report.padding_tokens)
        if report.fill is not None:
            self._of(self.batch_fill, model, phase).observe(report.fill)

    def on_call(self, report: CallReport) -> None:
        """A model call of a job ended; the host calls it."""
        task, model = self._task(report.task), self._model(report.model)
        self._of(self.calls, task, model, report.code if report.code in self._codes else OTHER).inc()
        self._of(self.tokens, model, "prompt").inc(report.prompt_tokens)
        for kind, tokens in (("output", report.completion_tokens), ("wasted", report.wasted_tokens)):
            counter = self._of(self.tokens, model, kind)  # there from the first call on, for whoever computes with it
            if tokens:
                counter.inc(tokens)
        if report.start is not None:
            self._of(self.start, task, report.priority).observe(max(0.0, report.start.total_s))
        timings = report.timings
        if timings is None:
            return
        self._of(self.lane_wait, task, report.priority).observe(timings.lane_wait_s)
        self._of(self.inference, task, model).observe(timings.inference_s)
        if timings.first_token_s is None:
            return
        self._of(self.first_token, task, model).observe(timings.first_token_s)
        after_first_s = timings.lane_wait_s + timings.inference_s - timings.first_token_s
        if report.completion_tokens > 1:
            self._of(self.per_token, task, model).observe(max(0.0, after_first_s) / (report.completion_tokens - 1))

    def _of(self, metric: M, *labels: str) -> M:
        """The metric under these labels, remembered: looking them up takes longer than counting."""
        key = (id(metric), labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return cast(M, child)

    def _task(self, name: str) -> str:
        return name if name in self._tasks else OTHER

    def _model(self, name: str) -> str:
        return name if name in self._models else OTHER

    def _counter(self, name: str, sentence: str, *labels: str) -> Counter:
        return Counter(f"storehand_{name}", sentence, labels, registry=self.registry)

    def _gauge(self, name: str, sentence: str, *labels: str) -> Gauge:
        return Gauge(f"storehand_{name}", sentence, labels, registry=self.registry)

    def _histogram(self, name: str, sentence: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"storehand_{name}", sentence, labels, registry=self.registry, buckets=buckets)


def _codes(cls: type[StorehandError]) -> set[str]:
    return {cls.code}.union(*(_codes(child) for child in cls.__subclasses__()))
