"""Observers watch; one that raises disturbs nobody."""

from __future__ import annotations

import pluggy
import pytest

from storehand import hookspecs
from storehand.engine import BatchReport
from storehand.hookspecs import hookimpl
from storehand.job import Outcome
from storehand_worker.observers import QUIET_S, Observers
from tests.unit.rows import a_job

REPORT = BatchReport("small", "decode", 1, 8, 1, 0, 0.01, 1, 0)


class Watching:
    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def on_worker_start(self, tasks):
        self.seen.append(list(tasks))

    @hookimpl
    def on_worker_stop(self):
        self.seen.append("stopped")

    @hookimpl
    def on_job_done(self, outcome):  # an observer names only the arguments it wants
        self.seen.append(outcome)

    @hookimpl
    def on_batch_done(self, report):
        self.seen.append(report)

    @hookimpl
    def check_health(self):
        return None


class Raising:
    @hookimpl
    def on_batch_done(self, report):
        raise RuntimeError("broken observer")

    @hookimpl
    def check_health(self):
        raise RuntimeError("broken check")


class Unwell:
    @hookimpl
    def check_health(self):
        return "the licence ends tomorrow"


@pytest.fixture
def manager():
    manager = pluggy.PluginManager("storehand")
    manager.add_hookspecs(hookspecs)
    return manager


def test_every_watching_hook_reaches_the_observers_of_plugins_and_our_own(manager):
    theirs, ours = Watching(), Watching()
    manager.register(theirs, name="theirs")
    outcome = Outcome.succeeded({})
    observers = Observers(manager, own={"ours": ours})

    observers.on_worker_start(["echo"])
    observers.on_job_done(a_job(), outcome)
    observers.on_batch_done(REPORT)
    observers.on_worker_stop()

    assert theirs.seen == ours.seen == [["echo"], outcome, REPORT, "stopped"]


def test_an_observer_that_raises_is_named_in_the_log_and_the_others_still_see(manager, caplog):
    watching = Watching()
    observers = Observers(manager, own={"first": watching, "bad": Raising(), "last": Watching()})

    observers.on_batch_done(REPORT)

    assert watching.seen == [REPORT]
    assert "plugin bad raised in on_batch_done; the job goes on" in caplog.text
    assert "broken observer" in caplog.text


def test_an_observer_that_raises_at_every_step_tells_its_traceback_once_and_then_counts(manager, caplog):
    now = [0.0]
    observers = Observers(manager, own={"bad": Raising()}, clock=lambda: now[0])

    for second in (0, 1, QUIET_S - 1, QUIET_S, QUIET_S + 1):
        now[0] = second
        observers.on_batch_done(REPORT)

    first, second = caplog.records
    assert first.exc_info
    assert not second.exc_info
    assert second.getMessage() == "plugin bad raised RuntimeError in on_batch_done, 3 times more; the jobs went on"


def test_health_is_one_sentence_per_plugin_that_is_not_well(manager):
    observers = Observers(manager, own={"good": Watching(), "shop": Unwell(), "bad": Raising()})

    assert sorted(observers.check_health()) == [
        "bad: its health check raised RuntimeError",
        "shop: the licence ends tomorrow",
    ]
