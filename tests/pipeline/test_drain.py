"""A worker that is told to leave: it finishes or hands back, tells whoever reads along, and is gone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storehand import Client
from storehand.job import Event, EventKind, Status
from tests.pipeline.combinations import everywhere, only
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.waiting import until

pytestmark = everywhere


def drain(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "storehand.cli", "drain", *arguments]
    return subprocess.run(command, env=shop.environment, capture_output=True, text=True, timeout=120, check=False)


@everywhere("rabbitmq+redis")
def test_drain_lets_jobs_finish_loses_none_and_waits_until_the_worker_has_left(
    tmp_path: Path, own_places: dict[str, object]
) -> None:
    shop = Shop(tmp_path, drain_s=20, **own_places)
    with Client(shop.settings) as client:
        with shop.worker(concurrency=4) as worker:
            handles = client.submit_many([ProbeInput(work_s=1.0) for _ in range(8)])
            handles += [client.submit(ProbeInput(work_s=2.0)) for _ in range(20)]
            until(lambda: sum(shop.noted("starts").values()) >= 3)

            drained = drain(shop)

            assert drained.returncode == 0, drained.stderr
            assert worker.wait(5) == 0
        rows = [handle.job for handle in handles]
        left = [row for row in rows if row.status is not Status.SUCCEEDED]
        assert left, "the worker was too quick for this test"
        assert {(row.status, row.attempts, row.crashes) for row in left} == {(Status.QUEUED, 0, 0)}
        assert "left after" in drained.stderr

        with shop.worker(name="w2"):
            for handle in handles:
                handle.result(timeout=30)

    assert set(shop.noted("starts").values()) == set(shop.noted("ends").values()) == {1}


@everywhere("redis+redis")
def test_a_client_that_reads_a_stream_goes_on_with_the_next_worker(
    tmp_path: Path, own_places: dict[str, object]
) -> None:
    shop = Shop(tmp_path, drain_s=0.2, **own_places)
    text = " ".join(f"word{number}" for number in range(20))
    with Client(shop.settings) as client:
        with shop.worker() as first, shop.worker(name="w2") as second:
            handle = client.submit(ProbeInput(text=text, mode="speak", work_s=1.5))
            seen: list[Event] = []
            stream = handle.stream(timeout=20)
            while not seen or seen[-1].kind is not EventKind.DELTA:
                seen.append(next(stream))
            (first if str(handle.job.owner) in first.log_text() else second).send(signal.SIGTERM)
            seen += list(stream)

        reasons = [event.data.get("reason") for event in seen if event.kind is EventKind.SNAPSHOT]
        assert "handed_back" in reasons
        assert seen[-1].kind is EventKind.END
        after = next(number for number, event in enumerate(seen) if event.data.get("reason") == "handed_back")
        assert "".join(str(event.data.get("text", "")) for event in seen[after:]).split() == text.split()
        assert (handle.job.attempts, handle.job.crashes) == (1, 0)
        notes = {note.what: note.data for note in client.store.history(handle.id)}
        assert "handed_back" in notes


@everywhere("embedded")
def test_readiness_turns_red_before_the_drain_is_over(tmp_path: Path, own_places: dict[str, object]) -> None:
    shop = Shop(tmp_path, drain_s=20, **own_places)
    with Client(shop.settings) as client, shop.worker() as worker:
        handle = client.submit(ProbeInput(work_s=20))
        until(lambda: shop.noted("starts")[handle.id])

        worker.send(signal.SIGTERM)
        until(lambda: "draining" in worker.get("/readyz")[1], timeout_s=15)
        assert worker.get("/livez")[0] == 200
        worker.send(signal.SIGTERM)  # a second one changes nothing: the grace is not over

        handle.cancel()
        assert worker.wait() == 0
        assert handle.outcome(timeout=1).code == "cancelled"


@everywhere("rabbitmq+redis")
def test_sigquit_ends_a_drain_at_once(tmp_path: Path, own_places: dict[str, object]) -> None:
    shop = Shop(tmp_path, drain_s=50, **own_places)
    with Client(shop.settings) as client, shop.worker() as worker:
        handles = [client.submit(ProbeInput(work_s=60)) for _ in range(3)]
        until(lambda: len(shop.noted("starts")) == 3)
        worker.send(signal.SIGTERM)
        until(lambda: "to finish, then they are handed back" in worker.log_text())

        worker.send(signal.SIGQUIT)

        worker.wait(15)
        rows = [handle.job for handle in handles]
        assert {(row.status, row.attempts, row.crashes) for row in rows} == {(Status.QUEUED, 0, 0)}


@pytest.mark.long  # it must outlast a heartbeat
@only("rabbitmq+redis")
def test_heartbeats_and_acks_flow_during_a_drain_longer_than_the_heartbeat(
    tmp_path: Path, own_places: dict[str, object]
) -> None:
    shop = Shop(tmp_path, drain_s=20, **own_places)
    hasty = f"{own_places['broker_url']}?heartbeat=1"
    with Client(shop.settings) as client:
        with shop.worker(broker_url=hasty) as worker:
            handles = [client.submit(ProbeInput(work_s=4.0)) for _ in range(8)]
            until(lambda: len(shop.noted("starts")) == 8)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0
        assert [handle.outcome(timeout=1).code for handle in handles] == ["ok"] * 8

        with shop.worker(name="w2") as second:
            client.submit(ProbeInput(text="after")).result(timeout=20)
            counted = next(
                line for line in second.get("/metrics")[1].splitlines() if line.startswith("storehand_redelivered")
            )

    assert set(shop.noted("starts").values()) == {1}
    assert float(counted.split()[-1]) == 0  # all were acked
    assert "connection to the broker is lost" not in worker.log_text()


def test_drain_twice_and_with_no_worker_is_no_error(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    drained = drain(shop, "--json")

    assert drained.returncode == 0
    assert json.loads(drained.stdout)["drained"] == []


@pytest.mark.long
def test_drain_asks_which_one_of_several_and_says_who_did_not_leave_in_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path, drain_s=30)
    with Client(shop.settings) as client, shop.worker() as first, shop.worker(name="w2") as second:
        unclear = drain(shop)
        assert unclear.returncode == 2
        assert "2 workers run here" in unclear.stderr

        assert drain(shop, "--pid", str(first.pid)).returncode == 0
        assert (first.wait(5), second.exit_code()) == (0, None)

        handle = client.submit(ProbeInput(work_s=20))
        until(lambda: shop.noted("starts")[handle.id])
        late = drain(shop, "--all", "--timeout", "1s")
        assert late.returncode == 3
        assert "did not leave in 1 s" in late.stderr
        assert "1 messages in hand" in late.stderr
        assert second.exit_code() is None
        handle.cancel()
        assert second.wait() == 0


def test_a_worker_is_found_where_its_data_dir_can_not_be_written(tmp_path: Path) -> None:
    """As in a container with a read-only root: queue and store are elsewhere."""
    shop = Shop(tmp_path)
    (tmp_path / "read-only").write_text("a file where the folder should be")
    places = {
        "data_dir": str(tmp_path / "read-only" / "data"),
        "broker_url": f"embedded://{tmp_path}/queue.db",
        "store_url": f"sqlite://{tmp_path}/jobs.db",
    }
    shop.overrides.update(places)
    with shop.worker() as worker:
        began = time.monotonic()

        assert drain(shop, "--pid", str(worker.pid)).returncode == 0

        assert worker.wait() == 0
        assert time.monotonic() - began < 30  # it does not sit out the 45 s of `drain_s`; a slow machine takes some
