"""Few standard and bulk jobs run Python at once; interactive ones always may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storehand.errors import Cancelled, JobStopped
from storehand.job import Priority
from storehand_worker.context import JobContext
from storehand_worker.turnstile import HELD_BACK_S, LONG_S, LOOK_S, STANDARD_TURNS, Line, Turnstile
from tests.unit.job_runs import Bench, InThread, WordInput, WordOutput, echo
from tests.unit.rows import a_job
from tests.waiting import until


def never_stopped(callback: Callable[[JobStopped], None]) -> Callable[[], None]:
    return lambda: None


class Visitor:
    """A thread at the turnstile that stays inside until it is told, busy or asleep."""

    def __init__(
        self, turnstile: Turnstile, *, is_urgent: bool = False, is_bulk: bool = True, is_busy: bool = True
    ) -> None:
        self.place = turnstile.place(is_urgent=is_urgent, is_bulk=is_bulk)
        self.is_inside = False
        self._is_busy = is_busy
        self._may_leave = threading.Event()
        self._thread = InThread(self._visit)

    def leave(self) -> None:
        self._may_leave.set()
        self._thread.result()

    def _visit(self) -> None:
        with self.place.inside(never_stopped):
            self.is_inside = True
            while self._is_busy and not self._may_leave.is_set():
                sum(range(1000))
            self._may_leave.wait(10)
        self.is_inside = False


@contextmanager
def visitors(turnstile: Turnstile, *kinds: dict[str, bool]) -> Iterator[list[Visitor]]:
    """One after the other, each inside or waiting before the next comes."""
    found: list[Visitor] = []
    try:
        for kind in kinds:
            waiting = turnstile.waiting
            found.append(Visitor(turnstile, **kind))
            until(lambda: found[-1].is_inside or turnstile.waiting > waiting)  # noqa: B023  # called at once
        yield found
    finally:
        for each in found:
            each.leave()


BULK: dict[str, bool] = {}
SLEEPER = {"is_busy": False}
URGENT = {"is_urgent": True, "is_bulk": False}
STANDARD = {"is_bulk": False}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_place_lets_one_bulk_job_in_and_the_next_one_when_it_leaves() -> None:
    turnstile = Turnstile(1)
    with visitors(turnstile, BULK, BULK, BULK) as (first, second, third):
        assert (first.is_inside, turnstile.waiting) == (True, 2)

        first.leave()

        until(lambda: second.is_inside)
        assert not third.is_inside


def test_an_interactive_job_comes_in_at_once_and_holds_the_others_back() -> None:
    turnstile = Turnstile(2)
    with visitors(turnstile, BULK, URGENT, BULK) as (_, urgent, late):
        assert (urgent.is_inside, late.is_inside) == (True, False)

        urgent.leave()

        until(lambda: late.is_inside)


def test_zero_places_hold_nobody_back() -> None:
    with visitors(Turnstile(0), BULK, URGENT, BULK) as found:
        assert all(each.is_inside for each in found)


def test_a_job_that_waits_for_a_model_lends_its_place() -> None:
    turnstile = Turnstile(1)
    place = turnstile.place(is_urgent=False)

    with place.inside(never_stopped), place.outside(), visitors(turnstile, BULK) as (other,):
        assert other.is_inside


def test_a_thread_of_the_task_itself_neither_gives_nor_takes_the_place() -> None:
    turnstile = Turnstile(1)
    place = turnstile.place(is_urgent=False)

    def on_its_own_thread() -> None:
        with place.outside():
            pass

    with place.inside(never_stopped), visitors(turnstile, BULK) as (other,):
        InThread(on_its_own_thread).result()
        assert not other.is_inside
        assert turnstile.waiting == 1
        with place.outside():
            until(lambda: other.is_inside)
            other.leave()


def test_the_place_is_free_after_an_error() -> None:
    turnstile = Turnstile(1)
    place = turnstile.place(is_urgent=False)

    with pytest.raises(ValueError, match="mine"), place.inside(never_stopped), place.outside():
        raise ValueError("mine")

    with visitors(turnstile, BULK) as (other,):
        assert other.is_inside


def test_a_stop_ends_the_wait_at_once() -> None:
    turnstile = Turnstile(1)
    stops: list[Callable[[JobStopped], None]] = []
    place = turnstile.place(is_urgent=False)

    def attach(callback: Callable[[JobStopped], None]) -> Callable[[], None]:
        stops.append(callback)
        return lambda: None

    def visit() -> None:
        with place.inside(attach):
            pass

    with visitors(turnstile, BULK) as (first,):
        waits = InThread(visit)
        until(lambda: stops)
        stops[0](Cancelled())
        waits.result()
        assert first.is_inside
        assert turnstile.waiting == 0


def test_who_sleeps_in_its_place_loses_it_and_who_works_keeps_it() -> None:
    clock = Clock()
    turnstile = Turnstile(1, clock=clock)
    with visitors(turnstile, SLEEPER, BULK, BULK) as (sleeper, worker, third):
        clock.now += LOOK_S
        turnstile.look()
        until(lambda: worker.is_inside)
        time_used = time.process_time()
        until(lambda: time.process_time() - time_used > LOOK_S)  # the busy one computes
        clock.now += LOOK_S
        turnstile.look()

        assert sleeper.is_inside
        assert not third.is_inside


def test_a_place_held_for_long_does_not_count_any_more() -> None:
    clock = Clock()
    turnstile = Turnstile(1, clock=clock)
    with visitors(turnstile, BULK, BULK) as (_, second):
        clock.now += LONG_S + 0.1
        turnstile.look()

        until(lambda: second.is_inside)


def test_steady_chat_holds_the_first_in_line_back_for_a_moment_only() -> None:
    clock = Clock()
    turnstile = Turnstile(1, clock=clock)
    with visitors(turnstile, URGENT, BULK, BULK) as (urgent, second, third):
        clock.now += HELD_BACK_S / 2
        with visitors(turnstile, URGENT):
            clock.now += HELD_BACK_S / 2 + 0.1
            turnstile.look()

            until(lambda: second.is_inside)
            assert not third.is_inside
        assert urgent.is_inside


def test_standard_jobs_come_in_before_bulk_and_bulk_still_moves() -> None:
    line, turnstile = Line(), Turnstile(1)
    bulk = [turnstile.place(is_urgent=False, is_bulk=True) for _ in range(2)]
    standard = [turnstile.place(is_urgent=False) for _ in range(STANDARD_TURNS + 2)]
    for place in (*bulk, *standard):
        line.append(place)

    found = [line.take() for _ in range(len(line))]

    assert found == [*standard[:STANDARD_TURNS], bulk[0], *standard[STANDARD_TURNS:], bulk[1]]


def test_a_standard_job_that_comes_later_goes_before_bulk() -> None:
    turnstile = Turnstile(1)
    with visitors(turnstile, BULK, BULK, STANDARD) as (first, bulk, standard):
        first.leave()

        until(lambda: standard.is_inside)
        assert not bulk.is_inside
        standard.leave()
        until(lambda: bulk.is_inside)


def test_a_bulk_job_gives_way_at_its_next_check() -> None:
    turnstile = Turnstile(1)
    place = turnstile.place(is_urgent=False)
    context = JobContext(a_job(), emit=lambda event: None, place=place)
    chat_came, checked = threading.Event(), threading.Event()

    def work() -> None:
        with place.inside(context.attach):
            chat_came.wait(10)
            context.check()
            checked.set()

    bulk = InThread(work)
    until(lambda: turnstile.running == 1)
    with visitors(turnstile, URGENT):
        chat_came.set()
        until(lambda: turnstile.waiting == 1)
        assert not checked.is_set()

    bulk.result()
    assert checked.is_set()


def _answered() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


def test_a_job_whose_model_has_answered_goes_on_when_it_has_a_place_again() -> None:
    turnstile, answer = Turnstile(1), Future[str]()
    place = turnstile.place(is_urgent=False)
    heard: list[str] = []

    def visit() -> None:
        with place.inside(never_stopped):
            place.wait_for(answer)
            heard.append(answer.result())

    thread = InThread(visit)
    until(lambda: place.gate.locked())
    with visitors(turnstile, BULK) as (other,):
        answer.set_result("good")
        until(lambda: turnstile.waiting == 1)
        assert (other.is_inside, heard) == (True, [])

        other.leave()

        until(lambda: heard == ["good"])
        thread.result()


def test_a_stopped_job_whose_model_has_answered_waits_for_no_place() -> None:
    turnstile, answer = Turnstile(1), Future[None]()
    stops: list[Callable[[JobStopped], None]] = []
    place = turnstile.place(is_urgent=False)

    def attach(callback: Callable[[JobStopped], None]) -> Callable[[], None]:
        stops.append(callback)
        return lambda: None

    def visit() -> None:
        with place.inside(attach):
            place.wait_for(answer)

    thread = InThread(visit)
    until(lambda: bool(stops))
    with visitors(turnstile, BULK) as (other,):
        stops[-1](Cancelled())
        answer.set_exception(Cancelled())  # as an engine does with the request of a job that stopped

        thread.result()
        assert other.is_inside


def test_of_bulk_jobs_one_runs_at_a_time_and_a_chat_runs_beside_it(tmp_path: Path) -> None:
    running: set[str] = set()
    most: list[int] = []
    chat_may_end, chat_is_in = threading.Event(), threading.Event()

    def body(given: WordInput, context: Any) -> WordOutput:
        if given.word == "chat":
            chat_is_in.set()
            chat_may_end.wait(10)
            return echo(given, context)
        running.add(context.job_id)
        most.append(len(running))
        sum(range(20_000))
        running.discard(context.job_id)
        context.wait_for(_answered())  # as a model call does
        return echo(given, context)

    with Bench(tmp_path, body, turnstile=Turnstile(1)) as bench:
        jobs = [bench.job(f"bulk {number}", priority=Priority.BULK) for number in range(8)]
        threads = [bench.in_thread(partial(bench.answer, each)) for each in jobs]
        chat = bench.in_thread(lambda: bench.answer(bench.job("chat", priority=Priority.INTERACTIVE)))
        assert chat_is_in.wait(10)
        chat_may_end.set()

        assert [each.result().code for each in (*threads, chat)] == ["ok"] * 9
        assert most == [1] * 8
