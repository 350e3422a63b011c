"""Whatever dies, every job is answered, and none twice. Two witnesses: the store, and the ledger the tasks write."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from storehand import Client
from storehand.job import EventKind, Status
from tests.faults.producer import EXPECTED
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.waiting import until


@pytest.mark.parametrize("jobs", [400, pytest.param(2000, marks=pytest.mark.long)])
def test_mixed_jobs_of_another_process_are_all_answered_once(shop: Shop, client: Client, jobs: int) -> None:
    with shop.worker() as worker:
        modes = _produce(shop, jobs)
        until(lambda: _open(client) == 0, timeout_s=60)

        rows = client.store.get(list(modes))
        assert {job_id: _code(rows[job_id]) for job_id in modes} == {
            job_id: EXPECTED[mode] for job_id, mode in modes.items()
        }
        assert max(shop.noted("starts").values()) == 1
        assert client.store.stats().dead_letters == 0
        assert "Traceback" not in worker.log_text()


@pytest.mark.long  # tests/broker/test_workers.py and test_brokers.py show it in `make test`
def test_after_sigkill_with_50_in_flight_the_next_worker_answers_all(shop: Shop, client: Client) -> None:
    with shop.worker() as worker:
        handles = client.submit_many([ProbeInput(work_s=0.2) for _ in range(48)])
        handles += [client.submit(ProbeInput(work_s=0.2)) for _ in range(12)]
        until(lambda: len(shop.noted("starts")) >= 50)
        worker.kill()

    answered = _answers(client)
    killed_at = time.monotonic()
    with shop.worker(name="w2"):
        for handle in handles:
            assert handle.outcome(timeout=40).code == "ok"
    took_s = time.monotonic() - killed_at

    _assert_answered_once(shop, client, [handle.id for handle in handles], at_kill=answered)
    assert took_s < 15  # a worker's start, and then the suspects in groups of eight


@pytest.mark.long  # the same with a second worker at hand: test_of_two_workers_one_dies_and_the_other_takes_over
def test_a_dead_workers_jobs_do_not_wait_for_their_long_leases(shop: Shop, client: Client) -> None:
    shop.overrides["lease_s"] = 60
    with shop.worker() as worker:
        handles = client.submit_many([ProbeInput(work_s=0.2) for _ in range(24)])
        handles += [client.submit(ProbeInput(work_s=0.2)) for _ in range(8)]
        until(lambda: len(shop.noted("starts")) >= 24)
        worker.kill()
    in_hand = client.store.find(statuses=[Status.RUNNING], limit=100)
    answered = _answers(client)

    with shop.worker(name="w2"):
        ready_at = time.monotonic()
        assert [handle.outcome(timeout=30).code for handle in handles] == ["ok"] * 32
        took_s = time.monotonic() - ready_at

    assert len(in_hand) >= 16
    _assert_answered_once(shop, client, [handle.id for handle in handles], at_kill=answered)
    assert took_s < 12


@pytest.mark.long
def test_a_killer_ends_as_poison_and_its_neighbours_run_twice_more_at_most(shop: Shop, client: Client) -> None:
    shop.overrides["max_crashes"] = 2
    killer = client.submit(ProbeInput(mode="kill", work_s=0.4))
    innocents = [client.submit(ProbeInput(work_s=0.5)) for _ in range(8)]

    deaths, ends = 0, []
    while killer.status is not Status.FAILED:
        with shop.worker(name=f"w{deaths}") as worker:
            until(lambda: worker.exit_code() is not None or killer.status is Status.FAILED, timeout_s=30)
            deaths += worker.exit_code() is not None
            if killer.status is Status.FAILED:  # in here: leaving kills the worker, which would be one death more
                ends = [handle.outcome(timeout=20) for handle in innocents]

    assert killer.outcome(timeout=1).code == "poison"
    assert deaths == 3
    assert [end.code for end in ends] == ["ok"] * 8
    assert max(shop.noted("starts")[handle.id] for handle in innocents) <= 3
    _assert_answered_once(shop, client, [handle.id for handle in innocents], at_kill={})
    assert [letter.job_id for letter in client.store.dead_letters()] == [killer.id]


@pytest.mark.long
def test_ten_kills_at_full_speed_lose_nothing(shop: Shop, client: Client) -> None:
    modes = _produce(shop, 3000)
    for number in range(10):
        with shop.worker(name=f"w{number}") as worker:
            before = _open(client)
            until(lambda: _open(client) <= max(0, before - 100), timeout_s=90)  # noqa: B023  # called at once; a start alone takes 20 s on a busy machine
            worker.kill()
    with shop.worker(name="last"):
        until(lambda: _open(client) == 0, timeout_s=240)

    rows = client.store.get(list(modes))
    assert {job_id: _code(rows[job_id]) for job_id in modes} == {
        job_id: EXPECTED[mode] for job_id, mode in modes.items()
    }


@pytest.mark.long
def test_of_two_workers_one_dies_and_the_other_takes_over(shop: Shop, client: Client) -> None:
    shop.overrides["lease_s"] = 60  # longer than anybody waits here: death ends it
    with shop.worker(name="w1") as first, shop.worker(name="w2"):
        handles = [client.submit(ProbeInput(work_s=0.2)) for _ in range(60)]
        until(lambda: len(shop.noted("ends")) >= 20)
        first.kill()
        answered = _answers(client)

        assert [handle.outcome(timeout=30).code for handle in handles] == ["ok"] * 60

    _assert_answered_once(shop, client, [handle.id for handle in handles], at_kill=answered)


def _answers(client: Client) -> dict[str, float | None]:
    """When the jobs that have an answer got it."""
    return {job.id: job.finished_at for job in client.store.find(statuses=[Status.SUCCEEDED], limit=10_000)}


def _assert_answered_once(shop: Shop, client: Client, ids: list[str], *, at_kill: dict[str, float | None]) -> None:
    """A worker may die after a task's last line and before its answer is stored: then the job runs again, which costs
    it a crash. But it gets one answer, and an answer that stood at the kill stays as it was."""
    rows, ends = client.store.get(ids), shop.noted("ends")
    assert all(1 <= ends[job_id] <= 1 + rows[job_id].crashes for job_id in ids)
    assert all(sum(e.kind is EventKind.END for e in client.store.events(job_id)) == 1 for job_id in ids)
    assert at_kill.items() <= _answers(client).items()
    assert all(ends[job_id] == 1 for job_id in at_kill)


def _produce(shop: Shop, count: int) -> dict[str, str]:
    """Mode by job id."""
    file = shop.folder / "ids.json"
    command = [sys.executable, "-m", "tests.faults.producer", str(count), str(file)]
    subprocess.run(command, env=shop.environment, check=True, timeout=120)
    modes: dict[str, str] = json.loads(file.read_text())
    return modes


def _open(client: Client) -> int:
    by_status = client.store.stats().by_status
    return sum(by_status.get(status, 0) for status in (Status.QUEUED, Status.RUNNING))


def _code(job: object) -> str:
    outcome = getattr(job, "outcome", None)
    return outcome.code if outcome else "unanswered"
