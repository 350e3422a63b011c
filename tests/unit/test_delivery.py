"""Streamed text reaches each consumer in order; one that blocks holds only what waits for it, and that not for ever."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from storehand_worker.engines.delivery import Deliveries, Stream
from tests.waiting import until


@pytest.fixture
def patient() -> Iterator[Deliveries]:
    found = Deliveries("stream-test")
    yield found
    found.close(5.0)


def test_pieces_come_in_order_and_the_end_after_them(patient: Deliveries) -> None:
    seen: list[list[str]] = [[] for _ in range(8)]
    ended = [threading.Event() for _ in seen]
    streams = [Stream(each.append, patient) for each in seen]
    for piece in range(500):
        for stream in streams:
            stream.send(f"{piece} ")
    found: list[str] = []

    def end(number: int) -> None:
        found.append("".join(seen[number]))
        ended[number].set()

    for number, stream in enumerate(streams):
        stream.end(partial(end, number))

    assert all(each.wait(10) for each in ended)
    assert found == ["".join(f"{piece} " for piece in range(500))] * len(seen)


def test_a_consumer_that_blocks_holds_only_its_own_request(patient: Deliveries) -> None:
    may_go, ended, seen = threading.Event(), threading.Event(), list[str]()

    def wait(text: str) -> None:
        may_go.wait(10)

    blocked, other = Stream(wait, patient), Stream(seen.append, patient)
    blocked.send("a")
    blocked.end(ended.set)
    other.send("b")
    other.end(lambda: seen.append("end"))

    until(lambda: seen == ["b", "end"])
    assert not ended.is_set()
    may_go.set()
    assert ended.wait(10)


@pytest.mark.parametrize("is_ended_first", [True, False])
def test_a_consumer_that_never_returns_is_given_up(caplog: pytest.LogCaptureFixture, is_ended_first: bool) -> None:
    hasty = Deliveries("stream-test", blocked_s=0.2)
    may_go, ended, seen = threading.Event(), list[int](), list[str]()

    def stuck(text: str) -> None:
        seen.append(text)
        may_go.wait(10)

    stream = Stream(stuck, hasty)
    with caplog.at_level(logging.ERROR):
        stream.send("a")
        if is_ended_first:
            stream.end(lambda: ended.append(1))
        until(lambda: "did not return" in caplog.text)
        stream.send("b")
        if not is_ended_first:
            stream.end(lambda: ended.append(1))

        until(lambda: ended)
    may_go.set()
    hasty.close(5.0)

    assert (seen, ended) == (["a"], [1])


class EndsAtTheLine(logging.Handler):
    """Ends the stream while the line of its giving up is written."""

    def __init__(self, end: Callable[[], None]) -> None:
        super().__init__()
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        if "did not return" in record.getMessage():
            self._end()


def test_an_end_that_comes_while_the_consumer_is_given_up_is_told_once() -> None:
    hasty = Deliveries("stream-test", blocked_s=0.2)
    may_go, ended = threading.Event(), list[int]()
    stream = Stream(lambda text: may_go.wait(20) and None, hasty)
    meanwhile = EndsAtTheLine(lambda: stream.end(lambda: ended.append(1)))
    logger = logging.getLogger("storehand_worker.engines.delivery")
    logger.addHandler(meanwhile)
    try:
        stream.send("a")
        until(lambda: ended)
    finally:
        logger.removeHandler(meanwhile)
        may_go.set()
        hasty.close(5.0)

    assert ended == [1]


def test_what_was_sent_is_delivered_before_the_end_of_all() -> None:
    closing, seen = Deliveries("stream-test"), list[str]()
    may_go = threading.Event()

    def slow(text: str) -> None:
        may_go.wait(10)
        seen.append(text)

    stream = Stream(slow, closing)
    stream.send("a")
    stream.send("b")
    threading.Timer(0.05, may_go.set).start()
    closing.close(5.0)

    assert "".join(seen) == "ab"
