"""The broker delivers again what it thinks is lost: nobody runs such a job twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.broker.depth import queue_depths
from storehand.broker.transport import queue_file
from storehand.job import Status
from tests.pipeline.combinations import everywhere
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shared_places: dict[str, object]) -> Shop:
    """Its workers obey every command, also the one of the probe plugin."""
    return Shop(tmp_path_factory.mktemp("shop"), remote_control="all", **shared_places)


@pytest.fixture
def cut_connection(celery: Any) -> Callable[[], None]:
    """Makes the worker's event loop meet a dead connection; the probe plugin brings the command."""
    return lambda: celery.control.broadcast("cut_connection", destination=["w1@test"])


def test_after_a_reconnect_redelivered_messages_join_their_running_jobs(
    worker: WorkerProcess, client: Client, shop: Shop, cut_connection: Callable[[], None], tmp_path: Path
) -> None:
    may_end = tmp_path / "may end"
    handles = [client.submit(ProbeInput(mode="held", text=str(may_end))) for _ in range(8)]
    handles += client.submit_many([ProbeInput(mode="held", text=str(may_end)) for _ in range(4)])
    until(lambda: len(shop.noted("starts")) == 12)

    cut_connection()
    until(lambda: "it joins" in worker.log_text())
    late = client.submit(ProbeInput(text="after the cut"))

    assert late.result(timeout=10).text == "after the cut"
    may_end.touch()
    for handle in handles:
        assert handle.result(timeout=10).attempt == 1
    assert set(shop.noted("starts").values()) == {1}
    until(lambda: _depth(shop) == 0)  # every message is acked


def test_the_whole_prefetch_is_there_after_a_reconnect(
    worker: WorkerProcess, client: Client, shop: Shop, cut_connection: Callable[[], None]
) -> None:
    """Messages that join take back the places they had; the others stay free."""
    long_ones = [client.submit(ProbeInput(work_s=30)) for _ in range(10)]
    until(lambda: all(handle.status is Status.RUNNING for handle in long_ones))
    connected = worker.log_text().count("Connected to")

    cut_connection()
    until(lambda: worker.log_text().count("Connected to") > connected)
    short_ones = [client.submit(ProbeInput(work_s=0.2)) for _ in range(12)]

    for handle in short_ones:
        handle.result(timeout=10)
    for handle in long_ones:
        handle.cancel()
    for handle in long_ones:
        assert handle.outcome(timeout=10).code == "cancelled"


def test_a_message_of_a_job_that_runs_elsewhere_waits_for_its_answer(
    worker: WorkerProcess, client: Client, shop: Shop, send: Callable[..., str], tmp_path: Path
) -> None:
    may_end = tmp_path / "may end"
    handle = client.submit(ProbeInput(mode="held", text=str(may_end)))
    until(lambda: handle.status is Status.RUNNING)

    with shop.worker(name="w2"):
        for number in range(8):  # other messages of the same job: some land on each worker
            send(kwargs={"jobs": [handle.id]}, task_id=f"again-{number}")
        file = queue_file(shop.settings.broker_url.get_secret_value())
        until(lambda: sum(ready for ready, _ in queue_depths(file).values()) == 0)
        assert not handle.job.outcome

        may_end.touch()
        assert handle.result(timeout=10).attempt == 1
        until(lambda: _depth(shop) == 0)

    assert shop.noted("starts")[handle.id] == 1


@everywhere("redis+redis")
def test_a_job_due_later_starts_when_it_is_due(client: Client, worker: WorkerProcess) -> None:
    due = client.store.now() + 1.5

    handle = client.submit(ProbeInput(), not_before=due)

    handle.result(timeout=20)
    assert due <= (handle.job.started_at or 0) < due + 15  # on a slow machine


@everywhere
def test_a_job_whose_message_was_lost_is_rung_again(client: Client, worker: WorkerProcess) -> None:
    from storehand.job import NewJob

    [job] = client.store.create([NewJob(task="probe", input={"text": "no message"})])  # as if its producer had died

    assert client.job(job.id).result(timeout=10)["text"] == "no message"


@everywhere("redis+redis")
def test_a_cancel_holds_though_no_worker_runs(tmp_path: Path, own_places: dict[str, object]) -> None:
    shop = Shop(tmp_path, **own_places)
    with Client(shop.settings) as client:
        with shop.worker() as worker:
            orphan = client.submit(ProbeInput(work_s=60))
            until(lambda: shop.noted("starts")[orphan.id])
            worker.kill()
        queued = client.submit(ProbeInput())

        assert (queued.cancel(), orphan.cancel()) == (Status.CANCELLED, Status.RUNNING)

        with shop.worker(name="w2"):
            assert orphan.outcome(timeout=20).code == "cancelled"
            client.submit(ProbeInput(text="next")).result(timeout=20)
    assert (shop.noted("starts")[queued.id], shop.noted("starts")[orphan.id]) == (0, 1)


def _depth(shop: Shop) -> int:
    """Messages in the queue file, also those in hand."""
    import sqlite3

    with sqlite3.connect(shop.folder / "data" / "queue.db") as db:
        return int(db.execute("SELECT count(*) FROM message WHERE queue LIKE 'storehand%'").fetchone()[0])
