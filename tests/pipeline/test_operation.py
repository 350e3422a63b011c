"""What an operator does and sees: inspect, probes, refusals, the end of a worker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.broker.depth import queue_depths
from storehand.broker.transport import queue_file
from storehand.celery_app import make_celery
from storehand.job import Status
from storehand.store import open_store
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until


def test_inspect_tells_what_the_worker_is_and_does(
    worker: WorkerProcess, celery: Any, client: Client, send: Callable[..., str], shop: Shop
) -> None:
    job_id = send({"workS": 20})
    until(lambda: shop.noted("starts")[job_id])
    inspect = celery.control.inspect(destination=["w1@test"], timeout=5)

    [pong] = inspect.ping().values()
    [active] = inspect.active().values()
    [stats] = inspect.stats().values()
    [registered] = inspect.registered().values()

    assert pong == {"ok": "pong"}
    assert [each["id"] for each in active] == [job_id]
    assert len(stats["pool"]["processes"]) == stats["pool"]["max-concurrency"] == 16
    assert stats["pool"]["timeouts"] == [540.0, 600.0]
    assert stats["prefetch_count"] == 16
    assert "storehand.probe" in registered
    client.job(job_id).cancel()


def test_all_that_a_worker_writes_from_start_to_end_is_json_when_it_is_asked_to(tmp_path: Path) -> None:
    shop = Shop(tmp_path, log_format="json", drain_s=5)
    with Client(shop.settings) as client, shop.worker() as worker:
        handle = client.submit(ProbeInput())
        handle.result(timeout=10)
        until(lambda: handle.id in worker.log_text())
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0

    lines = [json.loads(line) for line in worker.log_text().splitlines()]

    assert all(line.keys() >= {"ts", "level", "logger", "message"} for line in lines)
    [about_job] = [line for line in lines if line.get("job") == handle.id and line["logger"] == "storehand_worker.jobs"]
    assert (about_job["task"], about_job["attempt"]) == ("probe", 1)
    assert any(line["logger"].startswith("celery") for line in lines)


def test_families_whose_tasks_are_not_loaded_here_are_left_to_other_workers(celery: Any, worker: WorkerProcess) -> None:
    [queues] = celery.control.inspect(timeout=5, limit=1).active_queues().values()

    assert {queue["name"] for queue in queues} == {
        "storehand", "storehand.default.bulk", "storehand.default.interactive", "storehand.default.standard"
    }  # fmt: skip


@pytest.mark.long
def test_a_plain_message_reaches_the_worker_that_has_its_task_whoever_reads_it_first(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    store = open_store(shop.settings)
    celery: Any = make_celery(shop.settings)
    with shop.worker(name="other", plugins='["sentiment"]'):
        job_id = celery.send_task("storehand.probe", kwargs={"input": {"text": "hi"}}, queue="storehand").id
        file = queue_file(shop.settings.broker_url.get_secret_value())
        until(lambda: queue_depths(file).get("storehand.default.standard") == (1, 0))
        until(lambda: queue_depths(file)["storehand"] == (0, 0))  # acked with the next tick
        with shop.worker(name="mine"):
            until(lambda: (job := store.get([job_id]).get(job_id)) and job.outcome)

    assert store.get([job_id])[job_id].status is Status.SUCCEEDED
    assert store.stats().dead_letters == 0
    celery.close()
    store.close()


def test_the_probes_say_ready_and_the_metrics_count_jobs(worker: WorkerProcess, client: Client) -> None:
    client.submit(ProbeInput()).result(timeout=10)

    assert worker.get("/startupz")[0] == worker.get("/readyz")[0] == worker.get("/livez")[0] == 200
    assert 'storehand_jobs_total{code="ok",outcome="succeeded",task="probe"}' in worker.get("/metrics")[1]


def test_the_metrics_say_how_the_worker_stands(worker: WorkerProcess, client: Client) -> None:
    client.submit(ProbeInput()).result(timeout=10)

    def found() -> dict[str, float]:
        lines = (line for line in worker.get("/metrics")[1].splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    until(lambda: found().get('storehand_process_seconds_count{priority="standard",task="probe"}'))
    seen = found()

    assert [seen[f"storehand_{each}"] for each in ("ready", "draining", "slots", "broker_up", "store_up")] == [
        1, 0, 16, 1, 1
    ]  # fmt: skip
    assert 0.1 < seen["storehand_start_up_seconds"] < 60
    assert seen['storehand_slo_jobs_total{priority="standard",task="probe",verdict="good"}'] >= 1
    assert seen['storehand_slo_jobs_total{priority="bulk",task="probe",verdict="failed"}'] == 0


def test_the_log_tells_the_mode_and_the_way_out_of_it(worker: WorkerProcess) -> None:
    assert "for one host" in worker.log_text()
    assert "STOREHAND_BROKER_URL=redis://" in worker.log_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["-P", "threads"], "leave -P out"), (["--autoscale", "4,1"], "set -c once")],
)
def test_what_can_not_work_is_refused_with_the_reason(arguments: list[str], reason: str, tmp_path: Path) -> None:
    ended = _celery(Shop(tmp_path), "worker", *arguments)

    assert ended.returncode == 1
    assert reason in ended.stdout


def test_a_worker_without_tasks_leaves_with_an_error(tmp_path: Path) -> None:
    ended = _celery(Shop(tmp_path, queues='["nobody"]', routes='{"probe": "text"}'), "worker")

    assert ended.returncode == 1
    assert "can't start" in ended.stdout


def test_a_job_store_that_can_not_be_used_ends_the_start_before_any_model_is_loaded(tmp_path: Path) -> None:
    shop = Shop(tmp_path, plugins='["sentiment"]')
    shop.settings.data_dir.mkdir()
    (shop.settings.data_dir / "jobs.db").write_bytes(b"no database" * 1000)

    ended = _celery(shop, "worker", "-l", "INFO")

    assert ended.returncode == 1
    assert "can't start" in ended.stdout
    assert "jobs.db" in ended.stdout
    assert "is served by" not in ended.stdout


def test_a_setting_that_is_wrong_is_named_without_a_traceback(tmp_path: Path) -> None:
    ended = _celery(Shop(tmp_path, concurrency="many"), "worker")

    assert ended.returncode == 1
    assert "settings: concurrency: " in ended.stdout
    assert "Traceback" not in ended.stdout


def test_the_worker_command_leaves_with_an_error_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path, queues='["nobody"]', routes='{"probe": "text"}', http_port=0)
    command = [sys.executable, "-m", "storehand.cli", "worker"]

    ended = subprocess.run(command, env=shop.environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert "can't start" in ended.stderr + ended.stdout


def test_importing_the_app_loads_no_model_library() -> None:
    code = "import sys, storehand_worker.app; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_sigterm_lets_running_jobs_finish_and_loses_none(tmp_path: Path) -> None:
    shop = Shop(tmp_path, drain_s=20)
    with Client(shop.settings) as client:
        with shop.worker(concurrency=4) as worker:
            handles = [client.submit(ProbeInput(text=str(number), work_s=0.3)) for number in range(60)]
            handles += client.submit_many([ProbeInput(text=str(number), work_s=0.3) for number in range(40)])
            until(lambda: sum(shop.noted("starts").values()) >= 8)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0
        left = [handle for handle in handles if handle.status is not Status.SUCCEEDED]
        assert left, "the worker was too quick for this test"
        assert all(handle.status is Status.QUEUED and handle.job.attempts == 0 for handle in left)

        with shop.worker(name="w2"):
            for handle in handles:
                handle.result(timeout=30)

        assert set(shop.noted("ends").values()) == {1}


def test_sigterm_hands_back_what_does_not_finish_in_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path, drain_s=0.5)
    with Client(shop.settings) as client:
        with shop.worker() as worker:
            single = client.submit(ProbeInput(work_s=30))
            first, second = client.submit_many([ProbeInput(work_s=30), ProbeInput(work_s=0)])
            until(lambda: shop.noted("starts").keys() >= {single.id, first.id} and second.job.outcome)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0

        for handle in (single, first):
            assert (handle.status, handle.job.attempts, handle.job.crashes) == (Status.QUEUED, 0, 0)


def test_a_thread_that_will_not_stop_does_not_hold_the_worker(tmp_path: Path) -> None:
    shop = Shop(tmp_path, drain_s=0.2)
    with Client(shop.settings) as client, shop.worker() as worker:
        handle = client.submit(ProbeInput(work_s=60, mode="stubborn"))
        until(lambda: shop.noted("starts")[handle.id])
        worker.send(signal.SIGTERM)

        assert worker.wait() == 0
        assert handle.status is Status.QUEUED


@pytest.mark.long
def test_a_worker_with_stuck_threads_leaves_with_an_error(tmp_path: Path) -> None:
    shop = Shop(tmp_path, drain_s=0.2, stuck_limit=1, soft_time_limit_s=0.5, time_limit_s=1.0)
    with Client(shop.settings) as client, shop.worker() as worker:
        handle = client.submit(ProbeInput(work_s=60, mode="stubborn"))

        assert handle.outcome(timeout=30).code == "time_limit"
        assert worker.wait(30) == 1
        assert "threads will not stop" in worker.log_text()


def test_sigquit_hands_everything_back_at_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    with Client(shop.settings) as client, shop.worker() as worker:
        handle = client.submit(ProbeInput(work_s=60))
        until(lambda: shop.noted("starts")[handle.id])
        worker.send(signal.SIGQUIT)

        worker.wait()
        assert (handle.status, handle.job.attempts) == (Status.QUEUED, 0)


def _celery(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "storehand_worker.app", *arguments],
        env={**shop.environment, "STOREHAND_HTTP_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
