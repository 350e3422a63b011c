"""One job as its task sees it."""

from __future__ import annotations

import pytest

from storehand.errors import Cancelled, Expired, JobStopped, StopJob
from storehand.job import EventKind
from storehand.store import NewEvent
from storehand_worker.context import JobContext
from tests.unit.rows import a_job


def _context(now: float = 1000.0, **fields: object) -> tuple[JobContext, list[NewEvent]]:
    events: list[NewEvent] = []
    return JobContext(a_job(**fields), emit=events.append, clock=lambda: now), events


def test_the_first_stop_wins_and_tells_those_attached() -> None:
    context, _ = _context()
    told: list[JobStopped] = []
    context.attach(told.append)

    assert context.stop(error := Cancelled())
    assert not context.stop(Expired())

    assert told == [error]
    assert context.stop_error is error
    with pytest.raises(StopJob) as stop:
        context.check()
    assert stop.value.error is error


def test_who_attaches_too_late_is_told_at_once() -> None:
    context, _ = _context()
    context.stop(error := Cancelled())
    told: list[JobStopped] = []

    context.attach(told.append)

    assert told == [error]


def test_who_detached_is_not_told() -> None:
    context, _ = _context()
    told: list[JobStopped] = []
    detach = context.attach(told.append)

    detach()
    context.stop(Cancelled())

    assert told == []


def test_a_passed_deadline_is_seen_without_the_watcher() -> None:
    context, _ = _context(now=1000.0, deadline=999.0)

    assert context.cancelled
    with pytest.raises(StopJob) as stop:
        context.check()
    assert stop.value.error.code == "expired"


def test_before_its_deadline_a_job_goes_on() -> None:
    context, _ = _context(now=1000.0, deadline=1001.0)

    assert not context.cancelled
    context.check()


def test_the_seed_is_the_job_s_own_and_the_same_on_every_attempt() -> None:
    first, again, other = (_context(id=job_id, attempts=n)[0] for job_id, n in [("a", 1), ("a", 2), ("b", 1)])

    assert first.seed == again.seed != other.seed


def test_a_stopped_job_streams_nothing_more() -> None:
    context, events = _context()

    context.emit("one")
    context.emit("two", kind=EventKind.SNAPSHOT)
    context.stop(Cancelled())
    context.emit("three")

    assert [(event.kind, event.data["text"]) for event in events] == [("delta", "one"), ("snapshot", "two")]
