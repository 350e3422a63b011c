"""A source that may be away: what it said last, for how long that counts, and what is said about it."""

from __future__ import annotations

import threading

import pytest

from storehand_worker.exporter.series import ALL, exporter_metric_names
from storehand_worker.exporter.source import HANGS_S, STALE_S, Source
from tests.waiting import until


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Depths:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.reads = 0

    def __call__(self) -> int:
        if self.error is not None:
            raise self.error
        self.reads += 1
        return self.reads


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def depths():
    return Depths()


@pytest.fixture
def source(depths, clock):
    return Source("broker", depths, every_s=5.0, clock=clock)


def test_before_the_first_read_there_is_nothing_and_a_reason(source):
    assert (source.fresh(), source.age_s, source.was_tried) == (None, None, False)
    assert source.trouble == "broker was not read yet"


def test_a_good_read_is_fresh_for_a_minute(source, clock):
    source.look()
    clock.time = STALE_S - 1
    last = source.fresh()
    clock.time = STALE_S

    assert last is not None
    assert last.value == 1
    assert (source.fresh(), source.age_s) == (None, STALE_S)


def test_trouble_is_said_at_once_in_words_and_logged_once(source, depths, caplog):
    source.look()
    depths.error = ConnectionError("no route")
    source.look()
    source.look()

    assert source.trouble == "broker can't be read: ConnectionError: no route"
    assert source.fresh() is not None
    assert caplog.text.count("no route") == 1


def test_it_is_read_again_when_it_is_back(source, depths):
    depths.error = ConnectionError("no route")
    source.look()
    depths.error = None
    source.look()

    assert source.trouble is None
    assert source.was_tried


def test_a_read_that_does_not_come_back_is_trouble_and_in_the_end_death(clock):
    inside, leave = threading.Event(), threading.Event()

    def read() -> int:
        inside.set()
        leave.wait(10)
        return 1

    source = Source("store", read, every_s=1.0, clock=clock)
    source.start()
    assert inside.wait(10)
    clock.time = 30
    assert source.trouble is not None
    assert not source.hangs
    clock.time = HANGS_S + 1
    assert source.hangs
    leave.set()
    until(lambda: source.trouble is None)
    source.stop()


def test_the_names_are_those_that_prometheus_knows():
    assert {"storehand_jobs_waiting", "storehand_jobs_submitted_total", "storehand_required_workers"} <= (
        exporter_metric_names()
    )
    assert len(exporter_metric_names()) == len(ALL)
