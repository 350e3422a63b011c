"""The items of one message: claimed and written together, run by as few threads as it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from storehand.errors import Cancelled
from storehand.job import Status
from storehand_worker.delivery import Delivery, Parked
from tests.unit.job_runs import Bench, WordInput, WordOutput, echo
from tests.waiting import until


def calls_of(bench: Bench, name: str) -> list[int]:
    """From now on: how many jobs each such call to the store was about."""
    sizes: list[int] = []
    call: Callable[..., Any] = getattr(bench.store, name)

    def counted(jobs: Sequence[Any], *args: Any, **options: Any) -> Any:
        sizes.append(len(jobs))
        return call(jobs, *args, **options)

    setattr(bench.store, name, counted)
    return sizes


def test_an_envelope_is_claimed_by_one_call_and_nothing_is_read_before(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        ids = [bench.job() for _ in range(20)]
        claims, reads = calls_of(bench, "claim"), calls_of(bench, "get")

        outcomes = bench.runner.answer_all(ids, Delivery())

        assert {each.code for each in outcomes.values()} == {"ok"}
        assert list(outcomes) == ids
        assert (claims, reads) == ([20], [])


def test_quick_items_are_written_together_and_need_few_threads(tmp_path: Path) -> None:
    threads: set[int] = set()

    def note(given: WordInput, context: Any) -> WordOutput:
        threads.add(threading.get_ident())
        return echo(given, context)

    with Bench(tmp_path, note) as bench:
        ids = [bench.job() for _ in range(32)]
        finishes = calls_of(bench, "finish")

        bench.runner.answer_all(ids, Delivery())

        assert sum(finishes) == 32
        assert len(finishes) < 16
        assert len(threads) < 16


def test_items_that_take_long_without_a_model_run_side_by_side_all_the_same(tmp_path: Path) -> None:
    all_of_them = threading.Barrier(32)

    def meet(given: WordInput, context: Any) -> WordOutput:
        all_of_them.wait(10)
        return echo(given, context)

    with Bench(tmp_path, meet) as bench:
        outcomes = bench.runner.answer_all([bench.job() for _ in range(32)], Delivery())

        assert {each.code for each in outcomes.values()} == {"ok"}


def test_the_next_envelope_begins_when_all_items_of_the_first_have(tmp_path: Path) -> None:
    leave = threading.Event()

    def hold(given: WordInput, context: Any) -> WordOutput:
        if given.word == "slow":
            leave.wait(10)
        return echo(given, context)

    with Bench(tmp_path, hold, item_threads=4) as bench:
        slow, quick = [bench.job("slow") for _ in range(3)], [bench.job("quick") for _ in range(3)]
        first = bench.in_thread(lambda: bench.runner.answer_all(slow, Delivery()))
        until(lambda: bench.watcher.in_hand == 3)

        assert len(bench.runner.answer_all(quick, Delivery())) == 3
        assert not first.is_over
        leave.set()
        assert len(first.result()) == 3


def test_a_suspect_in_an_envelope_runs_among_its_like_and_its_neighbours_are_answered(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        suspect, neighbour = bench.job("suspect"), bench.job("neighbour")
        bench.store.claim([suspect], "dead", 0.01, max_crashes=3)
        until(lambda: (bench.row(suspect).lease_until or 0) < time.time())

        def answered() -> bool:
            try:
                bench.runner.answer_all([suspect, neighbour], Delivery())
            except Parked:
                return False
            return True

        until(answered)

        assert {bench.row(each).status for each in (suspect, neighbour)} == {Status.SUCCEEDED}
        assert (bench.row(suspect).crashes, bench.row(neighbour).crashes) == (1, 0)
        assert bench.counts == ["crashes"]


def test_what_is_claimed_and_not_begun_goes_back_when_the_worker_leaves(tmp_path: Path) -> None:
    leave = threading.Event()

    def hold(given: WordInput, context: Any) -> WordOutput:
        leave.wait(10)
        return echo(given, context)

    with Bench(tmp_path, hold, item_threads=2) as bench:
        ids, delivery = [bench.job() for _ in range(4)], Delivery()
        envelope = bench.in_thread(lambda: bench.runner.answer_all(ids, delivery))
        until(lambda: bench.watcher.in_hand == 2)
        delivery.close()
        leave.set()

        assert _is_parked(envelope.result)
        rows = [bench.row(each) for each in ids]
        assert {row.status for row in rows} <= {Status.SUCCEEDED, Status.QUEUED}
        assert Status.QUEUED in {row.status for row in rows}
        assert all(row.attempts == (row.status is Status.SUCCEEDED) for row in rows)


def test_a_revoked_envelope_cancels_items_that_have_not_begun(tmp_path: Path) -> None:
    begun = threading.Event()

    def wait(given: WordInput, context: Any) -> WordOutput:
        begun.set()
        stopped = threading.Event()
        context.attach(lambda error: stopped.set())
        assert stopped.wait(10)
        context.check()
        return echo(given, context)

    with Bench(tmp_path, wait) as bench:
        ids, delivery = [bench.job() for _ in range(3)], Delivery()
        envelope = bench.in_thread(lambda: bench.runner.answer_all(ids, delivery))
        assert begun.wait(10)
        delivery.stop(Cancelled("revoked"))

        assert {each.code for each in envelope.result().values()} == {"cancelled"}


def test_one_end_that_can_not_be_written_fails_alone(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        good, bad = bench.job("good"), bench.job("bad")
        finish: Callable[..., list[bool]] = bench.store.finish

        def picky(finishes: Sequence[Any]) -> list[bool]:
            if any(each.job_id == bad for each in finishes):
                raise ValueError("not this one")
            return finish(finishes)

        bench.store.finish = picky  # type: ignore[method-assign]  # one that refuses some

        assert _is_parked(lambda: bench.runner.answer_all([good, bad], Delivery()))
        assert bench.row(good).status is Status.SUCCEEDED


def _is_parked(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Parked:
        return True
    return False
