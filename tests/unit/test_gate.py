"""Company is kept away from jobs that may have killed a worker."""

from __future__ import annotations

from contextlib import ExitStack

from storehand_worker.gate import SuspectGate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_jobs_without_suspicion_run_side_by_side() -> None:
    gate = SuspectGate()

    with gate.place(alone=False) as first, gate.place(alone=False) as second:
        assert first
        assert second


def test_nothing_starts_beside_a_suspect() -> None:
    gate = SuspectGate()

    with gate.place(alone=True) as suspect:
        assert suspect
        with gate.place(alone=False) as other, gate.place(alone=True) as another:
            assert not other
            assert not another
    with gate.place(alone=False) as after:
        assert after


def test_while_a_suspect_waits_nothing_new_starts() -> None:
    gate = SuspectGate(clock=Clock())

    with gate.place(alone=False):
        with gate.place(alone=True) as suspect:
            assert not suspect
        with gate.place(alone=False) as newcomer:
            assert not newcomer
    with gate.place(alone=True) as suspect:
        assert suspect


def test_a_suspect_loses_patience_with_a_long_job() -> None:
    clock = Clock()
    gate = SuspectGate(patience_s=5, clock=clock)

    with gate.place(alone=False), ExitStack() as stack:
        assert not stack.enter_context(gate.place(alone=True))
        clock.now = 5.0
        assert stack.enter_context(gate.place(alone=True))


def test_a_suspect_that_went_elsewhere_is_forgotten() -> None:
    clock = Clock()
    gate = SuspectGate(clock=clock)

    with gate.place(alone=False):
        with gate.place(alone=True) as suspect:
            assert not suspect
        clock.now = 2.5
        with gate.place(alone=False) as newcomer:
            assert newcomer
