"""Streamed events are gathered and written in order, off the engine's thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from storehand.errors import Unavailable
from storehand.job import EventKind
from storehand.store import NewEvent
from storehand_worker.stream import EventPump, merged
from tests.waiting import until


class Sink:
    def __init__(self) -> None:
        self.written: list[list[NewEvent]] = []
        self.threads: set[str] = set()
        self.is_away = False

    def append(self, job_id: str, attempt: int, events: Sequence[NewEvent]) -> int:
        if self.is_away:
            raise Unavailable
        self.threads.add(threading.current_thread().name)
        self.written.append(list(events))
        return 0

    @property
    def text(self) -> str:
        return "".join(str(event.data["text"]) for events in self.written for event in events)


def _delta(text: str) -> NewEvent:
    return NewEvent(EventKind.DELTA, {"text": text})


def test_pieces_are_written_soon_together_and_on_the_pump_s_thread() -> None:
    """A machine that can't say six letters within GATHER_S gets more chances."""
    sink = Sink()
    pump = EventPump(sink)
    pump.start()
    stream, nap = pump.stream("job", 1), threading.Event()

    def are_together() -> bool:
        sink.written.clear()
        for piece in "abcdef":
            stream.put(_delta(piece))
            nap.wait(0.002)
        until(lambda: sink.text == "abcdef")
        return len(sink.written) <= 3

    assert any(are_together() for _ in range(5))
    assert sink.threads == {"storehand-events"}
    pump.stop()


def test_a_flush_writes_what_was_put_so_far() -> None:
    sink = Sink()
    stream = EventPump(sink).stream("job", 1)
    stream.put(_delta("a"))

    stream.flush()
    stream.flush()

    assert sink.text == "a"
    assert len(sink.written) == 1


def test_only_neighbouring_deltas_become_one() -> None:
    snapshot = NewEvent(EventKind.SNAPSHOT, {"text": "S"})

    events = merged([_delta("a"), _delta("b"), snapshot, _delta("c")])

    assert [(event.kind, event.data["text"]) for event in events] == [
        ("delta", "ab"),
        ("snapshot", "S"),
        ("delta", "c"),
    ]


def test_pieces_that_can_not_be_written_are_lost_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    sink = Sink()
    sink.is_away = True
    stream = EventPump(sink).stream("job", 1)
    stream.put(_delta("a"))

    stream.flush()

    assert "streamed pieces are lost" in caplog.text
