"""Metrics count what happened, under labels from closed sets, and each of them is documented."""

from __future__ import annotations

import re
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from storehand.engine import BatchReport, EngineHealth, EngineState, EngineStats, Timings
from storehand.errors import Cancelled, Expired, InvalidInput
from storehand.job import ErrorInfo, Outcome, Priority, Status
from storehand.pools import WAIT_OBJECTIVE_S
from storehand.settings import Settings
from storehand_worker.liveness import Checks, Liveness
from storehand_worker.metrics import BROKER_WAIT_S, E2E_S, WORK_S, Metrics
from storehand_worker.metrics_live import RooflineCollector
from storehand_worker.metrics_worker import DeviceCollector, DeviceMemory, cuda_memory
from storehand_worker.models import CallReport
from tests.unit.rows import a_job

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


class Engines:
    def stats(self):
        small = EngineStats(
            3, 5, 8, budget_tokens=700, shortages=2, restarts=1, kv_used=40, kv_reserved=192, kv_limit=512
        )
        return {"small": small, "dead": EngineStats(0, 0, 8)}

    def health(self):
        return {"small": EngineHealth(EngineState.DEGRADED), "dead": EngineHealth(EngineState.DEAD)}


@pytest.fixture
def metrics():
    metrics = Metrics()
    metrics.know(tasks=["echo"], models=["small"])
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"storehand_{name}", labels)


def batch(**changes) -> BatchReport:
    figures = {"phase": "decode", "items": 6, "capacity": 8, "tokens": 6, "padding_tokens": 0, "seconds": 0.02}
    return BatchReport(**{"model": "small", **figures, "running": 6, "waiting": 0, **changes})


def call(**changes) -> CallReport:
    return CallReport(
        **{"task": "echo", "model": "small", "kind": "generate", "priority": Priority.BULK, "code": "ok", **changes}
    )


def test_a_job_is_counted_by_task_outcome_and_code(metrics):
    metrics.on_job_done(a_job(), Outcome.succeeded({}))
    metrics.on_job_done(a_job(), Outcome.of_error(InvalidInput()))
    metrics.on_job_done(a_job(), Outcome.of_error(Cancelled()))

    assert value(metrics, "jobs_total", task="echo", outcome="succeeded", code="ok") == 1
    assert value(metrics, "jobs_total", task="echo", outcome="failed", code="invalid_input") == 1
    assert value(metrics, "jobs_total", task="echo", outcome="cancelled", code="cancelled") == 1


def test_names_outside_the_closed_sets_are_other(metrics):
    unheard = Outcome(Status.FAILED, error=ErrorInfo("no_such_code", "?"))

    metrics.on_job_done(a_job(task="unheard-of"), unheard)
    metrics.on_batch_done(batch(model="unheard-of"))
    metrics.on_call(call(task="unheard-of", model="unheard-of", code="no_such_code"))

    assert value(metrics, "jobs_total", task="other", outcome="failed", code="other") == 1
    assert value(metrics, "batch_items_count", model="other", phase="decode") == 1
    assert value(metrics, "model_calls_total", task="other", model="other", code="other") == 1
    assert "unheard-of" not in generate_latest(metrics.registry).decode()


def test_the_broker_wait_runs_from_when_the_job_was_due_to_its_first_claim(metrics):
    metrics.on_job_done(a_job(created_at=1000.0, not_before=1001.5, started_at=1002.0), Outcome.succeeded({}))
    metrics.on_job_done(a_job(attempts=2), Outcome.succeeded({}))
    metrics.on_job_done(a_job(started_at=None), Outcome.of_error(Cancelled()))

    assert value(metrics, "broker_wait_seconds_count", task="echo", priority="standard") == 1
    assert value(metrics, "broker_wait_seconds_sum", task="echo", priority="standard") == 0.5


def test_clocks_that_disagree_never_give_a_negative_time(metrics):
    metrics.on_job_done(a_job(created_at=time.time() + 60, started_at=1.0), Outcome.succeeded({}))

    assert value(metrics, "e2e_seconds_sum", task="echo", outcome="succeeded") == 0
    assert value(metrics, "broker_wait_seconds_sum", task="echo", priority="standard") == 0


def test_quantiles_can_show_what_is_promised_and_that_it_is_broken():
    limit_s = Settings.model_fields["time_limit_s"].default

    for objective_s in WAIT_OBJECTIVE_S.values():
        assert objective_s in BROKER_WAIT_S
        assert BROKER_WAIT_S[-1] > objective_s
        assert E2E_S[-1] > objective_s + limit_s
    assert limit_s in WORK_S
    assert WORK_S[-1] > limit_s


def test_the_end_to_end_time_runs_from_creation_to_the_end(metrics):
    metrics.on_job_done(a_job(created_at=1000.0, finished_at=1004.0), Outcome.succeeded({}))

    assert value(metrics, "e2e_seconds_sum", task="echo", outcome="succeeded") == 4


@pytest.mark.parametrize(
    ("step", "fill"),
    [
        ({}, 6 / 8),  # a decode step: slots
        ({"phase": "prefill", "tokens": 512, "budget_tokens": 1024, "items": 1}, 0.5),
        ({"phase": "prefill", "tokens": 80, "budget_tokens": 1024, "items": 8}, 1.0),  # all slots
        ({"phase": "encode", "items": 1, "capacity": 512, "tokens": 8, "budget_tokens": 1024}, 1 / 128),  # one text
        ({"phase": "encode", "items": 20, "capacity": 512, "tokens": 768, "padding_tokens": 256, "budget_tokens": 1024},
         0.75),
        ({"phase": "encode", "items": 1, "capacity": 512, "tokens": 2000, "budget_tokens": 1024}, 1.0),  # longer alone
    ],
)  # fmt: skip
def test_fill_is_the_share_of_what_a_step_may_hold_whichever_limit_is_nearer(metrics, step, fill):
    metrics.on_batch_done(batch(**step))

    phase = step.get("phase", "decode")
    assert value(metrics, "batch_fill_ratio_sum", model="small", phase=phase) == pytest.approx(fill)


def test_a_step_whose_limits_nobody_knows_has_no_fill(metrics):
    metrics.on_batch_done(batch(phase="encode", capacity=0))

    assert value(metrics, "batch_fill_ratio_count", model="small", phase="encode") is None


def test_a_step_is_counted_with_its_padding_and_its_time(metrics):
    metrics.on_batch_done(batch())
    metrics.on_batch_done(batch(phase="encode", capacity=0, tokens=30, padding_tokens=10))

    assert value(metrics, "batch_tokens_sum", model="small", phase="encode") == 40
    assert value(metrics, "tokens_total", model="small", kind="padding") == 10
    assert value(metrics, "step_seconds_sum", model="small", phase="decode") == 0.02


def test_the_roofline_ratio_is_least_over_spent_time_of_recent_steps():
    at = [1000.5]
    registry = CollectorRegistry()
    roofline = RooflineCollector(registry, clock=lambda: at[0])

    def ratio() -> float | None:
        return registry.get_sample_value("storehand_roofline_ratio", {"model": "small", "phase": "decode"})

    roofline.note("small", "decode", least_s=0.01, seconds=0.1)
    at[0] += 20
    roofline.note("small", "decode", least_s=0.09, seconds=0.1)
    both = ratio()
    at[0] += 15
    later = ratio()
    at[0] += 20

    assert (both, later, ratio()) == (pytest.approx(0.5), pytest.approx(0.9), None)


def test_least_seconds_and_gaps_add_up_so_that_any_window_can_be_asked_for(metrics):
    for _ in range(2):
        metrics.on_batch_done(batch(least_s=0.01, gap_s=0.002))
    metrics.on_batch_done(batch(phase="prefill"))

    assert value(metrics, "least_seconds_total", model="small", phase="decode") == 0.02
    assert value(metrics, "roofline_ratio", model="small", phase="decode") == 0.5
    assert value(metrics, "roofline_ratio", model="small", phase="prefill") is None
    assert value(metrics, "host_gap_seconds_total", model="small") == 0.004


def test_a_model_call_fills_waits_tokens_and_pace(metrics):
    timings = Timings(lane_wait_s=0.5, inference_s=2.0, first_token_s=1.0)

    metrics.on_call(call(timings=timings, prompt_tokens=7, completion_tokens=4))

    assert value(metrics, "lane_wait_seconds_sum", task="echo", priority="bulk") == 0.5
    assert value(metrics, "inference_seconds_sum", task="echo", model="small") == 2
    assert value(metrics, "time_to_first_token_seconds_sum", task="echo", model="small") == 1
    assert value(metrics, "time_per_output_token_seconds_sum", task="echo", model="small") == 0.5
    assert value(metrics, "tokens_total", model="small", kind="prompt") == 7
    assert value(metrics, "tokens_total", model="small", kind="output") == 4


def test_a_call_that_failed_has_no_times_but_its_waste(metrics):
    metrics.on_call(call(code="cancelled", wasted_tokens=9))

    assert value(metrics, "tokens_total", model="small", kind="wasted") == 9
    assert value(metrics, "model_calls_total", task="echo", model="small", code="cancelled") == 1
    assert value(metrics, "inference_seconds_count", task="echo", model="small") is None


def test_engines_are_asked_at_the_scrape(metrics):
    metrics.watch_engines(Engines())

    assert value(metrics, "running", model="small") == 3
    assert value(metrics, "waiting", model="small") == 5
    assert value(metrics, "engine_budget_tokens", model="small") == 700
    assert value(metrics, "oom_total", model="small") == 2
    assert value(metrics, "engine_restarts_total", model="small") == 1
    assert value(metrics, "engine_up", model="small") == 1
    assert value(metrics, "engine_up", model="dead") == 0
    assert [value(metrics, "kv_tokens", model="small", state=each) for each in ("used", "reserved", "limit")] == [
        40, 192, 512
    ]  # fmt: skip
    assert value(metrics, "kv_tokens", model="dead", state="limit") is None


def test_queues_are_counted_at_the_scrape_and_a_busy_database_costs_only_them(metrics, caplog):
    depths = [{"storehand.text.bulk": (12, 3)}]
    metrics.watch_queues(lambda: depths.pop(), names=["storehand.text.bulk"])

    text = generate_latest(metrics.registry).decode()

    assert 'storehand_queue_depth{queue="storehand.text.bulk",state="ready"} 12.0' in text
    assert 'storehand_queue_depth{queue="storehand.text.bulk",state="in_hand"} 3.0' in text
    assert "storehand_queue_depth{" not in generate_latest(metrics.registry).decode()
    assert "goes on without them" in caplog.text


def test_queues_that_anybody_may_have_made_are_one_label(metrics):
    depths = {"storehand": (1, 0), "celeryev.1": (2, 0), "celeryev.2": (3, 4)}

    metrics.watch_queues(lambda: depths, names=["storehand"])

    assert value(metrics, "queue_depth", queue="storehand", state="ready") == 1
    assert value(metrics, "queue_depth", queue="other", state="ready") == 5
    assert value(metrics, "queue_depth", queue="other", state="in_hand") == 4
    assert value(metrics, "queue_depth", queue="celeryev.1", state="ready") is None


def test_the_worker_counts_its_own_care(metrics):
    metrics.leases_lost.inc()
    metrics.watch_jobs(lambda: 4)

    assert value(metrics, "leases_lost_total") == 1
    assert value(metrics, "jobs_in_hand") == 4


def test_a_worker_that_starts_teaches_the_metrics_its_tasks():
    metrics = Metrics()

    metrics.on_worker_start(["echo"])
    metrics.on_job_done(a_job(), Outcome.succeeded({}))

    assert value(metrics, "jobs_total", task="echo", outcome="succeeded", code="ok") == 1


def test_a_job_is_judged_once_by_the_objective_of_its_priority():
    metrics = Metrics(wait_objective_s={**WAIT_OBJECTIVE_S, Priority.STANDARD: 1.0})
    metrics.on_worker_start(["echo"])
    before = value(metrics, "slo_jobs_total", task="echo", priority="standard", verdict="late")

    metrics.on_job_done(a_job(), Outcome.succeeded({}))  # it waited for 2 s
    metrics.on_job_done(a_job(priority=Priority.BULK), Outcome.succeeded({}))
    metrics.on_job_done(a_job(), Outcome.of_error(Cancelled()))

    assert (before, value(metrics, "slo_jobs_total", task="echo", priority="standard", verdict="late")) == (0, 1)
    assert value(metrics, "slo_jobs_total", task="echo", priority="bulk", verdict="good") == 1
    assert value(metrics, "slo_jobs_total", task="echo", priority="standard", verdict="good") == 0


def test_the_processing_time_is_that_of_the_last_attempt_and_only_of_jobs_in_our_hands(metrics):
    metrics.on_job_done(a_job(started_at=1002.0, updated_at=1050.0, finished_at=1053.0), Outcome.succeeded({}))
    metrics.on_job_done(
        a_job(status=Status.EXPIRED, updated_at=1060.0, finished_at=1060.0), Outcome.of_error(Expired())
    )

    assert value(metrics, "process_seconds_sum", task="echo", priority="standard") == 3
    assert value(metrics, "process_seconds_count", task="echo", priority="standard") == 1


def test_series_that_alerts_compute_with_are_there_before_the_first_job(metrics):
    metrics.on_worker_start(["echo"])

    zeros = [
        value(metrics, "slo_jobs_total", task="echo", priority=priority, verdict=verdict)
        for priority in Priority
        for verdict in ("good", "late", "failed")
    ]

    assert zeros == [0] * 9
    assert value(metrics, "jobs_total", task="echo", outcome="succeeded", code="ok") == 0
    failed = [value(metrics, "jobs_total", task="echo", outcome="failed", code=code) for code in ("plugin", "poison")]
    ended = [value(metrics, "jobs_total", task="echo", outcome=each, code=each) for each in ("cancelled", "expired")]
    assert failed == ended == [0, 0]
    assert value(metrics, "rung_total", why="worker_gone") == 0
    assert value(metrics, "crashes_total") == value(metrics, "store_errors_total") == 0


def test_a_task_costs_about_forty_series_before_its_first_job():
    def series(*tasks: str) -> int:
        metrics = Metrics()
        metrics.on_worker_start(tasks)
        return sum(len(family.samples) for family in metrics.registry.collect())

    assert series("echo", "chat") - series("echo") <= 45


def test_the_worker_tells_how_it_stands_at_the_scrape(metrics):
    liveness = Liveness()
    metrics.watch_worker(liveness, Checks(liveness), slots=lambda: 16)

    def standing() -> list[float | None]:
        return [value(metrics, name) for name in ("ready", "draining", "slots", "broker_up", "start_up_seconds")]

    starting = standing()
    liveness.serve()
    serving = standing()
    liveness.is_draining = True
    liveness.has_broker = False

    assert starting == [0, 0, 16, 0, None]
    assert serving[:4] == [1, 0, 16, 1]
    assert 0 < (serving[4] or 0) < 3600
    assert standing()[:4] == [0, 1, 16, 0]


def test_the_store_is_up_as_the_worker_finds_it(metrics):
    found = [False]
    before = value(metrics, "store_up")
    metrics.watch_store(lambda: found[-1])
    down = value(metrics, "store_up")
    found.append(True)

    assert (before, down, value(metrics, "store_up")) == (0, 0, 1)


def test_a_device_that_does_not_answer_is_down_and_has_no_memory(metrics):
    found: list[dict[str, DeviceMemory | None]] = [{"cuda:0": DeviceMemory(3, 8), "cuda:1": None}]
    DeviceCollector(metrics.registry, read=lambda: found[0])

    assert value(metrics, "device_memory_bytes", device="cuda:0", state="used") == 3
    assert value(metrics, "device_memory_bytes", device="cuda:0", state="total") == 8
    assert [value(metrics, "device_up", device=each) for each in ("cuda:0", "cuda:1")] == [1, 0]
    assert value(metrics, "device_memory_bytes", device="cuda:1", state="used") is None


def test_a_device_whose_driver_hangs_costs_the_scrape_only_a_moment(metrics):
    hang = threading.Event()
    answers = iter([{"cuda:0": DeviceMemory(3, 8)}])

    def read():
        for answer in answers:
            return answer
        hang.wait(30)
        return {}

    DeviceCollector(metrics.registry, read=read)
    before = value(metrics, "device_up", device="cuda:0")
    began = time.monotonic()
    after = value(metrics, "device_up", device="cuda:0")
    took_s = time.monotonic() - began
    hang.set()

    assert (before, after) == (1, 0)
    assert took_s < 5


def test_a_worker_without_a_gpu_has_no_devices():
    assert cuda_memory() == {}


def test_a_scrape_while_torch_is_being_imported_finds_no_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))

    assert cuda_memory() == {}


def test_only_gpus_that_this_process_uses_are_asked_for_one_that_is_asked_loses_memory(monkeypatch):
    asked: list[int] = []

    def mem_get_info(number: int) -> tuple[int, int]:
        asked.append(number)
        if number == 2:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return 6, 8

    torch, reserved = ModuleType("torch"), [0, 5, 5, 0]
    torch.cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: len(reserved),
        memory_reserved=lambda number: reserved[number],
        mem_get_info=mem_get_info,
    )
    monkeypatch.setitem(sys.modules, "torch", torch)

    assert cuda_memory() == {"cuda:1": DeviceMemory(2, 8), "cuda:2": None}
    assert asked == [1, 2]


def test_a_loaded_model_says_how_long_that_took(metrics):
    metrics.on_load("small", 2.5)

    assert value(metrics, "model_load_seconds", model="small") == 2.5


def test_every_metric_is_documented_with_its_type_and_labels_and_nothing_else_is():
    metrics, liveness = Metrics(), Liveness()
    metrics.watch_engines(Engines())
    metrics.watch_worker(liveness, Checks(liveness), slots=lambda: 16)
    metrics.watch_queues(lambda: {"queue": (1, 0)}, names=["queue"])
    exposed = {family.name: (family.type, family.documentation) for family in metrics.registry.collect()}
    ours = {name: about for name, about in exposed.items() if name.startswith("storehand")}
    ours_in_docs = DOCS.read_text().partition("<!-- exporter")[0]
    rows = re.findall(r"^\| `(storehand\w*)` \| (\w+) \| ([^|]*) \| ([^|]*) \|", ours_in_docs, flags=re.MULTILINE)

    documented = {name: (kind, sentence.strip()) for name, kind, _, sentence in rows}

    assert documented == {_shown(name, kind): (kind, sentence) for name, (kind, sentence) in ours.items()}
    assert {name: labels.replace("`", "").replace(" ", "") for name, _, labels, _ in rows} == _labels(metrics)


def _shown(name: str, kind: str) -> str:
    return name + {"counter": "_total", "info": "_info"}.get(kind, "")


def _labels(metrics: Metrics) -> dict[str, str]:
    families = {
        f"storehand_{each}": "model"
        for each in ("running", "waiting", "engine_up", "engine_budget_tokens", "oom_total", "engine_restarts_total")
    }  # asked at the scrape: no metric object holds their labels
    families |= {f"storehand_{each}": "" for each in ("ready", "draining", "slots", "broker_up", "start_up_seconds")}
    families |= {"storehand_device_memory_bytes": "device,state", "storehand_device_up": "device"}
    families |= {"storehand_kv_tokens": "model,state"}
    families["storehand_queue_depth"] = "queue,state"
    families["storehand_roofline_ratio"] = "model,phase"
    for metric in vars(metrics).values():
        if hasattr(metric, "_labelnames"):
            families[_shown(metric._name, metric._type)] = ",".join(metric._labelnames)
    return {**families, "storehand_info": "version,python"}
