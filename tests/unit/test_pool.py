"""The pool alone, with kombu's real event loop turned by the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu.asynchronous import Hub, set_event_loop

from storehand.settings import Settings
from storehand_worker.delivery import Parked, current_delivery
from storehand_worker.last_call import LastCall
from storehand_worker.pool import EnginePool
from storehand_worker.running import Running


class JobPath:
    """As much of the job path as the pool asks for."""

    def __init__(self, drain_s: float) -> None:
        self.settings = Settings(drain_s=drain_s)
        self.counted: list[str] = []
        self.handed_back = 0
        self.runner = self
        self.settler = self
        self.last_call = LastCall(drain_s, code=lambda: 0)

    def count(self, what: str, by: int = 1) -> None:
        self.counted.append(what)

    def hand_back(self, running: list[Running], *, message_returns: bool) -> None:
        self.handed_back += 1


class App:
    def __init__(self, drain_s: float) -> None:
        self.job_path = JobPath(drain_s)


class Table:
    """A pool, its event loop, and what its callbacks said."""

    def __init__(self, drain_s: float = 5.0, limit: int = 4) -> None:
        self.app = App(drain_s)
        self.hub = Hub()
        self.pool = EnginePool(limit, app=self.app, soft_timeout=5.0, timeout=10.0)
        self.pool.start()
        self.pool.register_with_event_loop(self.hub)
        self.said: list[Any] = []
        self.accepted: list[int] = []

    def apply(self, target: Callable[[], Any], task_id: str = "a", **options: Any) -> Any:
        return self.pool.apply_async(
            target,
            callback=options.pop("callback", self.said.append),
            accept_callback=lambda pid, at: self.accepted.append(pid),
            correlation_id=task_id,
            **options,
        )

    def turn_until(self, condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"not within {timeout_s:g} s"
            self.hub.call_later(0.01, lambda: None)
            self.hub.run_once()


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.hub.close()
    set_event_loop(None)


def test_a_message_is_accepted_run_and_answered(table: Table) -> None:
    message = table.apply(lambda: "answer")

    table.turn_until(lambda: table.said)

    assert table.said == ["answer"]
    assert table.accepted == [message.pid]
    table.turn_until(lambda: not table.pool.in_hand())


def test_a_redelivered_message_joins_and_the_newest_delivery_is_answered_first(table: Table) -> None:
    leave, runs = threading.Event(), []
    order: list[str] = []
    target = lambda: runs.append(1) or leave.wait(5)  # noqa: E731  # the same for both

    first = table.apply(target, callback=lambda result: order.append("first"))
    table.turn_until(lambda: runs)
    second = table.apply(target, callback=lambda result: order.append("second"))
    leave.set()
    table.turn_until(lambda: len(order) == 2)

    assert first is second
    assert runs == [1]
    assert order == ["second", "first"]


def test_a_dead_channel_of_an_old_delivery_disturbs_nobody(table: Table) -> None:
    def dead(result: Any) -> None:
        raise ConnectionError("the channel is gone")

    leave = threading.Event()
    table.apply(lambda: leave.wait(5), callback=dead)
    table.apply(lambda: None)
    leave.set()

    table.turn_until(lambda: table.said)

    assert table.said == [True]


def test_a_parked_message_holds_no_thread_and_comes_again(table: Table) -> None:
    tries: list[float] = []

    def target() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise Parked("not now", pause_s=0.05)
        return "answer"

    table.apply(target)
    table.turn_until(lambda: len(tries) == 1 and table.pool.busy == 0)
    table.turn_until(lambda: table.said)

    assert table.said == ["answer"]
    assert tries[1] - tries[0] >= 0.05
    assert len(table.accepted) == 1  # Celery counts a task as started once
    assert table.app.job_path.counted == ["parked", "parked"]


def test_a_terminated_message_is_never_answered_and_its_jobs_are_stopped(table: Table) -> None:
    stopped = threading.Event()

    def target() -> None:
        delivery = current_delivery()
        assert delivery is not None
        while not delivery.is_closed:
            stopped.wait(0.01)
        stopped.set()

    message = table.apply(target)
    table.turn_until(lambda: table.accepted)

    table.pool.terminate_job(message.pid)

    assert stopped.wait(5)
    table.turn_until(lambda: not table.pool.in_hand())
    assert table.said == []


def test_accepting_may_terminate_a_message_before_it_runs(table: Table) -> None:
    runs: list[int] = []
    table.pool.apply_async(
        lambda: runs.append(1),
        callback=table.said.append,
        accept_callback=lambda pid, at: table.pool.terminate_job(pid),
        correlation_id="a",
    )

    table.turn_until(lambda: not table.pool.in_hand())

    assert runs == table.said == []


def test_a_message_given_up_is_settled_by_its_timeout_and_leaves_a_fresh_thread(table: Table) -> None:
    timeouts: list[tuple[bool, float]] = []
    leave = threading.Event()
    message = table.apply(
        lambda: leave.wait(5), timeout=0.5, timeout_callback=lambda soft, limit: timeouts.append((soft, limit))
    )
    table.turn_until(lambda: table.accepted)

    message.delivery.on_give_up(None)
    table.turn_until(lambda: timeouts)
    started = table.pool._get_info()["threads"]
    leave.set()
    table.turn_until(lambda: not table.pool.in_hand())

    assert timeouts == [(False, 0.5)]
    assert started == 2
    assert table.said == []


def test_an_error_of_our_own_is_tried_again_but_not_for_ever(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storehand_worker.pool.OWN_ERROR_PAUSE_S", 0.01)
    runs: list[int] = []

    def target() -> None:
        runs.append(1)
        raise RuntimeError("our own")

    table.apply(target)
    table.turn_until(lambda: table.said)

    assert len(runs) == 3
    failed, info, _ = table.said[0]
    assert failed
    assert isinstance(info.exception.exc, RuntimeError)


def test_limits_come_from_the_message_else_from_the_worker(table: Table) -> None:
    own = table.apply(lambda: None, task_id="own", soft_timeout=1.0, timeout=2.0)
    default = table.apply(lambda: None, task_id="default")

    assert (own.delivery.limits.soft_s, own.delivery.limits.hard_s) == (1.0, 2.0)
    assert (default.delivery.limits.soft_s, default.delivery.limits.hard_s) == (5.0, 10.0)


def test_the_drain_lets_running_messages_finish_and_their_acks_flow(table: Table) -> None:
    acks: list[str] = []
    began = threading.Event()

    def target() -> str:
        began.set()
        threading.Event().wait(0.2)  # a job that takes a while; the drain turns the loop meanwhile
        return "answer"

    table.apply(target, callback=lambda result: table.hub.call_soon(acks.append, result))
    assert began.wait(5)

    table.pool.stop()

    assert acks == ["answer"]
    assert table.app.job_path.handed_back == 0


def test_the_drain_hands_back_what_is_parked_and_what_takes_too_long() -> None:
    table = Table(drain_s=0.1)
    leave = threading.Event()

    def park() -> None:
        raise Parked("not now", pause_s=60)

    table.apply(park, task_id="parked")
    table.apply(lambda: leave.wait(5), task_id="long")
    table.turn_until(lambda: len(table.accepted) == 2 and table.pool.busy == 1)

    table.pool.stop()

    assert table.app.job_path.handed_back == 2
    assert table.said == []
    leave.set()
    table.turn_until(lambda: not table.pool.in_hand())
    assert table.said == []
    table.hub.close()


def test_where_the_event_loop_stands_still_jobs_are_handed_back_and_the_process_leaves_all_the_same() -> None:
    table, now, left = Table(), [100.0], list[int]()
    last_call = LastCall(30.0, code=lambda: 0, leave=left.append, clock=lambda: now[0])
    last_call._pool = table.pool
    leave = threading.Event()
    table.apply(lambda: leave.wait(5))
    table.turn_until(lambda: table.pool.busy == 1)
    last_call.begin()

    now[0] += 29
    last_call.look()
    assert (table.app.job_path.handed_back, left) == (0, [])
    now[0] += 3
    last_call.look()
    assert (table.app.job_path.handed_back, left) == (1, [])
    now[0] += 20
    last_call.look()

    assert (table.app.job_path.handed_back, left) == (1, [0])
    leave.set()
    table.turn_until(lambda: not table.pool.in_hand())
    table.hub.close()


def test_a_cold_shutdown_ends_the_grace_period() -> None:
    now = [100.0]
    last_call = LastCall(30.0, code=lambda: 0, clock=lambda: now[0])
    last_call.begin()
    now[0] += 10
    assert last_call.left_s == 20

    last_call.begin(is_cold=True)
    last_call.begin()

    assert last_call.left_s == 0


def test_flower_and_exporters_find_what_they_count(table: Table) -> None:
    info = table.pool.info

    assert len(info["processes"]) == info["max-concurrency"] == 4
    assert info["timeouts"] == [5.0, 10.0]
