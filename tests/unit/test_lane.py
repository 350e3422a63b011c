"""The lane: what callers and the engine's thread share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from storehand.engine import Request, Result, Timings
from storehand.errors import Cancelled, EngineError, InvalidInput, Overloaded
from storehand_worker.engines.call import Call
from storehand_worker.engines.lane import Lane
from storehand_worker.engines.scheduler import Part, Pick
from tests.bench.lane import time_lane
from tests.waiting import until

RESULT = Result(timings=Timings(0, 0))


def call_of(name: str, **request: Any) -> Call[Any]:
    return Call(Request(id=name, **request), parts=1, now=0.0)


def put(lane: Lane[str], name: str) -> Call[Any]:
    call = call_of(name)
    lane.put(call, [Part(name, 1)])
    return call


def pick(lane: Lane[str]) -> Pick[str]:
    return lane.pick(lambda line: line.pick(0, room=9, budget=100))


def test_the_engine_sleeps_until_something_comes() -> None:
    lane: Lane[str] = Lane(4)
    woken = threading.Event()
    thread = threading.Thread(target=lambda: lane.wait() and woken.set(), daemon=True)
    thread.start()

    assert not woken.is_set()
    put(lane, "a")

    assert woken.wait(5)
    thread.join(5)


def test_closing_wakes_the_engine_and_lets_nobody_in() -> None:
    lane: Lane[str] = Lane(4)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(lane.wait()), daemon=True)
    thread.start()

    lane.close()

    thread.join(5)
    assert answers == [False]
    with pytest.raises(EngineError):
        put(lane, "late")


def test_a_full_lane_is_overloaded_and_forgets_the_one_it_refused() -> None:
    lane: Lane[str] = Lane(1)
    put(lane, "a")

    with pytest.raises(Overloaded):
        put(lane, "b")
    pick(lane)

    put(lane, "b")
    assert lane.waiting == 1


def test_a_cancelled_request_ends_at_once_and_is_never_picked() -> None:
    lane: Lane[str] = Lane(4)
    call = put(lane, "a")
    put(lane, "b")

    lane.cancel("a", Cancelled("enough"))

    assert isinstance(call.future.exception(0), Cancelled)
    assert pick(lane).items == ["b"]


def test_cancelling_what_is_unknown_or_done_is_ignored() -> None:
    lane: Lane[str] = Lane(4)
    call = put(lane, "a")
    pick(lane)
    call.finish(RESULT)

    lane.cancel("a", Cancelled())
    lane.cancel("never", Cancelled())

    assert call.future.result(0) is RESULT


def test_an_id_in_flight_is_refused_and_free_again_when_it_ended() -> None:
    lane: Lane[str] = Lane(4)
    call = put(lane, "a")
    pick(lane)
    with pytest.raises(InvalidInput):
        put(lane, "a")

    call.finish(RESULT)

    put(lane, "a")
    assert lane.waiting == 1


def test_an_answer_ends_a_call_once() -> None:
    call = call_of("a")

    call.fail(Cancelled())
    call.finish(RESULT)

    assert isinstance(call.future.exception(0), Cancelled)
    assert not call.future.cancel()


def test_a_call_is_complete_with_the_last_of_its_parts_in_the_order_of_the_request() -> None:
    call: Call[str] = Call(Request(id="a"), parts=3, now=0.0)

    assert call.answer(2, "z") is None
    assert call.answer(0, "x") is None
    assert call.answer(1, "y") == ["x", "y", "z"]


def test_many_threads_put_and_cancel_while_the_engine_picks_and_none_is_left_over() -> None:
    lane: Lane[str] = Lane(10_000)
    calls: list[Call[Any]] = []

    def produce(name: str) -> None:
        for number in range(100):
            calls.append(put(lane, f"{name}-{number}"))
            if number % 3 == 0:
                lane.cancel(f"{name}-{number}", Cancelled())

    def consume() -> None:
        while lane.wait():
            pick(lane)

    engine = threading.Thread(target=consume, daemon=True)
    engine.start()
    producers = [threading.Thread(target=produce, args=(f"{number}",)) for number in range(8)]
    for thread in producers:
        thread.start()
    for thread in producers:
        thread.join(10)

    until(lambda: lane.waiting == 0)
    lane.close()
    lane.fail_all(EngineError("closed"))
    engine.join(5)
    assert all(call.is_done for call in calls)


def test_what_came_while_a_step_was_choosing_has_waited_for_nothing_and_not_for_less():
    call: Call[Any] = Call(Request(id="late"), parts=1, now=5.0)

    call.schedule(4.99)

    assert call.timings(6.0).lane_wait_s == 0.0
    assert call.timings(6.0).inference_s == 1.0


def test_the_share_of_a_request_is_its_task_of_its_tenant() -> None:
    lane: Lane[str] = Lane(100)
    for number in range(20):
        many = Call[Any](Request(id=f"many {number}", task="copy", tenant="a"), parts=1, now=0.0)
        lane.put(many, [Part("many", 1000)])
    one = Call[Any](Request(id="one", task="copy", tenant="b"), parts=1, now=1.0)
    lane.put(one, [Part("one", 1000)])

    order = [lane.pick(lambda line: line.pick(1, room=1, budget=1000)).items[0] for _ in range(5)]

    assert "one" in order


def test_a_lane_full_of_tokens_refuses_what_would_be_too_much() -> None:
    lane: Lane[str] = Lane(100, 50)
    lane.put(call_of("a"), [Part("a", 40)])

    with pytest.raises(Overloaded) as raised:
        lane.put(call_of("b"), [Part("b", 20)])

    assert raised.value.retryable
    assert lane.waiting == 1


def test_the_fake_engine_passes_thousands_of_texts_a_second() -> None:
    """20,000 are aimed at (`python -m tests.bench.lane`); here a generous bound, and more chances on a busy machine."""
    assert any(time_lane("classify", threads=64, texts=32, requests=4).per_cpu_s > 6_000 for _ in range(5))


@pytest.fixture
def eager_switches() -> Iterator[None]:
    """Threads take turns so often that what may come in between does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switches")
def test_what_is_on_the_device_can_be_told_while_calls_end() -> None:
    names = [str(number) for number in range(1500)]
    for _ in range(3):
        lane: Lane[str] = Lane(5000)
        for name in names:
            put(lane, name)
        ending = threading.Thread(target=lambda lane=lane: [lane.cancel(each, Cancelled("enough")) for each in names])
        ending.start()
        while ending.is_alive():
            lane.taken()
        ending.join()

        assert lane.taken() == []
