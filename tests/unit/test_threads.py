"""Our own daemon threads."""

from __future__ import annotations

import threading

import pytest

from storehand_worker.threads import Threads
from tests.waiting import until


def test_work_runs_side_by_side_up_to_the_limit() -> None:
    threads = Threads("test", 2)
    inside, leave = threading.Semaphore(0), threading.Event()

    def stay() -> None:
        inside.release()
        leave.wait(10)

    for _ in range(3):
        threads.submit(stay)

    assert inside.acquire(timeout=5)
    assert inside.acquire(timeout=5)
    assert not inside.acquire(timeout=0.05)
    assert threads.started == threads.busy == 2
    leave.set()
    assert inside.acquire(timeout=5)
    until(lambda: threads.busy == 0)
    threads.stop()


def test_an_idle_thread_is_used_again() -> None:
    threads = Threads("test", 8)

    for _ in range(20):
        done = threading.Event()
        threads.submit(done.set)
        assert done.wait(5)
        until(lambda: threads.busy == 0)

    assert threads.started <= 2  # a second one may start before the first says it is idle
    threads.stop()


def test_a_replacement_takes_the_place_of_a_thread_that_was_given_up() -> None:
    threads = Threads("test", 1)
    leave, done = threading.Event(), threading.Event()
    threads.submit(lambda: leave.wait(10) and None)
    threads.submit(done.set)

    threads.replace_one()

    assert done.wait(5)
    leave.set()
    threads.stop()


def test_an_error_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    threads = Threads("test", 1)
    done = threading.Event()

    threads.submit(lambda: 1 / 0 and None)  # type: ignore[func-returns-value]  # it never returns
    threads.submit(done.set)

    assert done.wait(5)
    assert threads.started == 1
    assert "goes on with the next job" in caplog.text
    threads.stop()
