"""Flower beside the worker on the embedded broker: sees it, sees its tasks, and its stop button stops a job."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.job import Status
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until


def _get(url: str, *, data: bytes | None = None) -> Any:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=15) as answer:
            return json.loads(answer.read() or b"{}")
    except OSError:
        return None


@pytest.fixture(scope="module")
def worker(shop: Shop) -> Iterator[WorkerProcess]:
    with shop.worker("-E") as running:  # Flower's task list lives on events
        yield running


@pytest.fixture(scope="module")
def flower(worker: WorkerProcess, shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "celery", "-A", "storehand_worker.app", "flower", "--address=127.0.0.1"]
    log = Path(tmp_path_factory.mktemp("flower")) / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--port={port}", "--inspect_timeout=2000"],
            env={**shop.environment, "FLOWER_UNAUTHENTICATED_API": "true", "HOME": os.environ.get("HOME", "/tmp")},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=shop.folder,
        )
    url = f"http://127.0.0.1:{port}/api"
    try:
        until(lambda: _get(f"{url}/workers?refresh=true"), timeout_s=30, every_s=0.3)
        yield url
    except AssertionError:
        raise AssertionError(log.read_text()) from None
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_flower_sees_the_worker_and_its_pool(flower: str, worker: WorkerProcess) -> None:
    [seen] = until(lambda: _get(f"{flower}/workers?refresh=true"), timeout_s=30).values()

    assert seen["stats"]["pool"]["max-concurrency"] == 16
    assert "storehand.probe" in seen["registered"]


def test_flower_lists_a_finished_and_a_failed_job_with_their_states(
    flower: str, client: Client, send: Callable[..., str], outcome_of: Callable[..., Any]
) -> None:
    good, bad = send({"text": "hello"}), send({"mode": "refuse"})
    assert outcome_of(good).status is Status.SUCCEEDED
    assert outcome_of(bad).status is Status.FAILED

    states = until(lambda: _states(flower, good, bad), timeout_s=15, every_s=0.2)

    assert states == {good: "SUCCESS", bad: "FAILURE"}


def _states(flower: str, *ids: str) -> dict[str, str] | None:
    tasks = _get(f"{flower}/tasks") or {}
    states = {each: tasks[each]["state"] for each in ids if each in tasks}
    return states if len(states) == len(ids) and not {"PENDING", "RECEIVED", "STARTED"} & set(states.values()) else None


def test_flowers_terminate_button_ends_a_running_job_as_cancelled(
    flower: str, shop: Shop, send: Callable[..., str], outcome_of: Callable[..., Any]
) -> None:
    job_id = send({"workS": 30})
    until(lambda: shop.noted("starts")[job_id])

    assert _get(f"{flower}/task/revoke/{job_id}?terminate=true", data=b"") is not None

    assert outcome_of(job_id).status is Status.CANCELLED
    assert shop.noted("ends")[job_id] == 0
