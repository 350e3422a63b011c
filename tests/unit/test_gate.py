"""Company is kept away from jobs that may have killed a worker."""

from __future__ import annotations

from contextlib import ExitStack

from storehand_worker.gate import TOGETHER, SuspectGate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_jobs_without_suspicion_run_side_by_side() -> None:
    gate = SuspectGate()

    with gate.place(deaths=0) as first, gate.place(deaths=0) as second:
        assert first
        assert second


def test_after_one_death_jobs_run_in_small_groups_among_themselves() -> None:
    gate = SuspectGate()

    with ExitStack() as group:
        assert all(group.enter_context(gate.place(deaths=1)) for _ in range(TOGETHER))
        with (
            gate.place(deaths=1) as one_too_many,
            gate.place(deaths=0) as newcomer,
            gate.place(deaths=2) as heavier_suspect,
        ):
            assert not one_too_many
            assert not newcomer
            assert not heavier_suspect
    with gate.place(deaths=2) as alone, gate.place(deaths=1) as beside:
        assert alone
        assert not beside


def test_a_place_in_a_group_is_taken_by_the_next_suspect() -> None:
    gate = SuspectGate()

    with gate.place(deaths=1), ExitStack() as rest:
        with gate.place(deaths=1) as leaving:
            assert leaving
        assert all(rest.enter_context(gate.place(deaths=1)) for _ in range(TOGETHER - 1))
        assert not rest.enter_context(gate.place(deaths=1))


def test_nothing_starts_beside_a_job_under_which_two_workers_died() -> None:
    gate = SuspectGate()

    with gate.place(deaths=2) as suspect:
        assert suspect
        with gate.place(deaths=0) as other, gate.place(deaths=2) as another:
            assert not other
            assert not another
    with gate.place(deaths=0) as newcomer:
        assert not newcomer  # the other suspect asked a moment ago
    with gate.place(deaths=2) as another:
        assert another
    with gate.place(deaths=0) as newcomer:
        assert newcomer


def test_while_a_suspect_waits_nothing_new_starts() -> None:
    gate = SuspectGate(clock=Clock())

    with gate.place(deaths=0):
        with gate.place(deaths=2) as suspect:
            assert not suspect
        with gate.place(deaths=0) as newcomer:
            assert not newcomer
    with gate.place(deaths=2) as suspect:
        assert suspect


def test_a_suspect_loses_patience_with_a_long_job() -> None:
    clock = Clock()
    gate = SuspectGate(patience_s=5, clock=clock)

    with gate.place(deaths=0), ExitStack() as stack:
        assert not stack.enter_context(gate.place(deaths=2))
        clock.now = 5.0
        assert stack.enter_context(gate.place(deaths=2))


def test_a_suspect_that_went_elsewhere_is_forgotten() -> None:
    clock = Clock()
    gate = SuspectGate(clock=clock)

    with gate.place(deaths=0):
        with gate.place(deaths=2) as suspect:
            assert not suspect
        clock.now = 2.5
        with gate.place(deaths=0) as newcomer:
            assert newcomer
