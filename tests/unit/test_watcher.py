"""The thread that looks after jobs in hand."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from storehand.errors import Cancelled, TimeLimit, Unavailable
from storehand.job import Outcome, Status
from storehand.store import Finish
from storehand_worker import watcher as module
from storehand_worker.delivery import Delivery, Parked
from storehand_worker.running import Limits
from tests.unit.job_runs import Bench, InThread, WordInput, WordOutput, echo
from tests.waiting import until


class Held:
    """A task body that waits until it is stopped, or let go."""

    def __init__(self, *, heeds_stop: bool = True) -> None:
        self.let_go = threading.Event()
        self._heeds_stop = heeds_stop

    def __call__(self, given: WordInput, context: Any) -> WordOutput:
        if self._heeds_stop:
            context.attach(lambda error: self.let_go.set())
        assert self.let_go.wait(20)
        if self._heeds_stop:
            context.check()
        return echo(given, context)


def _start(bench: Bench, job_id: str, delivery: Delivery | None = None) -> InThread:
    running = bench.in_thread(lambda: bench.answer(job_id, delivery))
    until(lambda: bench.watcher.in_hand)
    return running


def test_a_cancel_flag_stops_the_job(tmp_path: Path) -> None:
    with Bench(tmp_path, Held()) as bench:
        job_id = bench.job()
        running = _start(bench, job_id)
        bench.store.request_cancel([job_id])

        bench.watcher.tick()

        assert running.result().code == "cancelled"


def test_a_passed_deadline_stops_the_job(tmp_path: Path) -> None:
    with Bench(tmp_path, Held()) as bench:
        deadline = time.time() + 1.5
        running = _start(bench, bench.job(deadline=deadline))
        until(lambda: time.time() > deadline)

        bench.watcher.tick()

        assert running.result().code == "expired"


def test_leases_of_jobs_in_hand_are_renewed(tmp_path: Path) -> None:
    held = Held()
    with Bench(tmp_path, held, lease_s=1.1) as bench:
        job_id = bench.job()
        running = _start(bench, job_id)
        first = bench.row(job_id).lease_until or 0.0

        until(lambda: time.time() > first - 0.7)
        bench.watcher.tick()

        assert (bench.row(job_id).lease_until or 0.0) > first
        held.let_go.set()
        running.result()


def test_a_lost_lease_stops_the_job_and_nothing_is_written(tmp_path: Path) -> None:
    with Bench(tmp_path, Held()) as bench:
        job_id = bench.job()
        running = _start(bench, job_id)
        bench.store.release([job_id], "me")
        bench.store.claim([job_id], "somebody", 15, max_crashes=3)

        bench.watcher.tick()

        with pytest.raises(Parked):
            running.result()
        assert bench.row(job_id).owner == "somebody"
        assert bench.row(job_id).status is Status.RUNNING
        assert bench.counts == ["leases_lost"]
        assert "lost_lease" in [note.what for note in bench.store.history(job_id)]


def test_a_job_whose_row_a_revoke_ended_stops_without_an_alarm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with Bench(tmp_path, Held()) as bench:
        job_id = bench.job()
        running = _start(bench, job_id)
        bench.store.finish([Finish(job_id, Outcome.of_error(Cancelled()))])

        bench.watcher.tick()

        with pytest.raises(Parked):
            running.result()
    assert bench.counts == []
    assert f"job {job_id}: its row is cancelled already; it stops here" in caplog.text
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_soft_limit_asks_the_job_to_stop(tmp_path: Path) -> None:
    with Bench(tmp_path, Held()) as bench:
        running = _start(bench, bench.job(), Delivery(Limits(soft_s=0.01)))

        until(lambda: bench.watcher.tick() or running.is_over)

        assert running.result().code == "time_limit"


def test_the_hard_limit_stores_the_end_and_tells_the_message(tmp_path: Path) -> None:
    held, told = Held(heeds_stop=False), list[Outcome]()
    with Bench(tmp_path, held) as bench:
        job_id = bench.job()
        running = _start(bench, job_id, Delivery(Limits(hard_s=0.01), on_give_up=told.append))

        until(lambda: bench.watcher.tick() or told)

        assert [outcome.code for outcome in told] == ["time_limit"]
        assert bench.row(job_id).outcome == told[0]
        assert bench.seen.done == [(job_id, "time_limit")]
        held.let_go.set()
        with pytest.raises(Parked):
            running.result()
        assert bench.row(job_id).outcome == told[0]  # what the thread brings too late counts no more


def test_an_end_at_the_hard_limit_is_told_once_though_the_thread_comes_back_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, told = Held(heeds_stop=False), list[Outcome]()
    with Bench(tmp_path, held) as bench:
        job_id = bench.job()
        delivery = Delivery(Limits(hard_s=0.01), on_give_up=told.append)
        running = _start(bench, job_id, delivery)
        [in_hand] = delivery.running()
        finish = bench.store.finish

        def finish_late(finishes: list[Finish]) -> list[bool]:
            written = finish(finishes)
            if not held.let_go.is_set():
                held.let_go.set()
                until(lambda: in_hand.is_taken)
            return written

        monkeypatch.setattr(bench.store, "finish", finish_late)
        until(lambda: bench.watcher.tick() or running.is_over)

        assert bench.row(job_id).outcome == Outcome.of_error(TimeLimit("the time limit of 0.01 s is over"))
        assert bench.seen.done == [(job_id, "time_limit")]
        with pytest.raises(Parked):
            running.result()
        assert not told  # its message comes again, and is answered by the row


def test_an_item_at_its_hard_limit_does_not_hold_its_envelope(tmp_path: Path) -> None:
    held = Held(heeds_stop=False)

    def body(given: WordInput, context: Any) -> WordOutput:
        return held(given, context) if given.word == "slow" else echo(given, context)

    with Bench(tmp_path, body, item_threads=1) as bench:
        ids = [bench.job("slow"), bench.job("quick")]
        running = bench.in_thread(lambda: bench.runner.answer_all(ids, Delivery(Limits(hard_s=0.05))))

        until(lambda: bench.watcher.tick() or bench.seen.done)  # and no more: the quick one has the same limit

        assert [outcome.code for outcome in running.result().values()] == ["time_limit", "ok"]
        held.let_go.set()
        until(lambda: bench.runner.busy == 0)


def test_a_thread_that_stays_after_its_end_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STUCK_S", 0.05)
    held = Held(heeds_stop=False)
    with Bench(tmp_path, held, stuck_limit=1) as bench:
        running = _start(bench, bench.job(), Delivery(Limits(hard_s=0.01)))

        until(lambda: bench.watcher.tick() or bench.stuck)

        assert bench.stuck[0] == 1
        held.let_go.set()
        with pytest.raises(Parked):
            running.result()
        bench.watcher.tick()
        assert bench.watcher.stuck == 0


def test_the_thread_itself_looks_every_watch_s(tmp_path: Path) -> None:
    with Bench(tmp_path, Held(), watch_s=0.02) as bench:
        job_id = bench.job()
        running = _start(bench, job_id)
        bench.watcher.start()

        bench.store.request_cancel([job_id])

        assert running.result(10).code == "cancelled"


@pytest.mark.parametrize("ahead_s", [-7200.0, 7200.0])
def test_deadlines_and_leases_are_judged_by_the_stores_clock(ahead_s: float, tmp_path: Path) -> None:
    def deadline_of(given: WordInput, context: Any) -> WordOutput:
        told.append(context.deadline - time.time())
        return held(given, context)

    held, told = Held(), list[float]()
    with Bench(tmp_path, deadline_of, clock=lambda: time.time() + ahead_s) as bench:
        long, short = (bench.job(deadline=bench.store.now() + left_s) for left_s in (60.0, 0.5))
        running = _start(bench, long)
        bench.watcher.tick()
        assert not running.is_over
        until(lambda: told)
        assert 55 < told[0] <= 60  # a task reads it by its own host's clock

        over = bench.in_thread(lambda: bench.answer(short))
        until(lambda: bench.watcher.tick() or over.is_over)

        assert over.result().code == "expired"
        held.let_go.set()
        assert running.result().code == "ok"


def test_while_the_store_is_away_deadline_and_soft_limit_are_kept_and_leases_renewed_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr("storehand_worker.settle.INSIST_S", 0.02)
    held = Held()
    with Bench(tmp_path, held, lease_s=1.1) as bench:
        overdue, kept = bench.job(deadline=time.time() + 2), bench.job()
        first = _start(bench, overdue)
        second = bench.in_thread(lambda: bench.answer(kept))
        until(lambda: bench.watcher.in_hand == 2)
        calls = {name: getattr(bench.store, name) for name in ("renew", "changed", "finish", "get", "now")}
        for name in calls:
            setattr(bench.store, name, away)

        def has_stopped() -> bool:
            with pytest.raises(Unavailable):
                bench.watcher.tick()
            return held.let_go.is_set()

        until(has_stopped)
        for name, call in calls.items():
            setattr(bench.store, name, call)
        bench.watcher.tick()

        assert first.result().code == "expired"
        assert second.result().code == "ok"
