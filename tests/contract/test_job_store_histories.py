"""Random histories of a job store: workers claim, die, hand back, finish, while callers cancel and clocks run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from storehand.errors import PluginError
from storehand.job import EventKind, NewJob, NewNote, Outcome, Priority, Status
from storehand.store import HISTORY_NOTES, Claimed, Finish, NewEvent
from tests.contract.stores import STORES, Clock
from tests.contract.tallied import Witness

OWNERS = st.sampled_from(["w1", "w2", "w3"])
LEASE_S = 10.0
MAX_CRASHES = 2


class Histories(RuleBasedStateMachine):
    """What the store says is checked against what the callers were told."""

    kind = "sqlite"
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.store = STORES[self.kind](Path(self.folder.name), self.clock)
        self.witness = Witness(self.store)
        self.holds: dict[str, tuple[str, int]] = {}  # job -> owner and attempt of the last mine-claim
        self.ended: dict[str, Outcome] = {}
        self.keys: dict[str, str] = {}
        self.erased: set[str] = set()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(
        target=jobs,
        key=st.none() | st.sampled_from("abc"),
        deadline=st.none() | st.just(25.0),
        wait=st.none() | st.just(5.0),
        priority=st.sampled_from(Priority),
    )
    def create(self, key: str | None, deadline: float | None, wait: float | None, priority: Priority) -> str:
        now = self.clock()
        new = NewJob(
            "t",
            {"k": key},
            priority=priority,
            idempotency_key=key,
            deadline=None if deadline is None else now + deadline,
            not_before=None if wait is None else now + wait,
        )
        job_id = self.store.create([new])[0].id
        if key is not None:
            assert self.keys.setdefault(key, job_id) == job_id
        return job_id

    @rule(job_id=jobs, owner=OWNERS)
    def claim(self, job_id: str, owner: str) -> None:
        before = self.store.get([job_id])[job_id]
        claim = self.store.claim([job_id], owner, LEASE_S, max_crashes=MAX_CRASHES)[0]
        assert claim.job == self.store.get([job_id])[job_id]
        if claim.result is Claimed.MINE:
            assert claim.job is not None
            assert before.status is Status.QUEUED or (before.lease_until or 0) <= self.clock()
            assert claim.job.attempts == before.attempts + 1
            self.holds[job_id] = (owner, claim.job.attempts)
        elif claim.result is Claimed.HERE:
            assert self.holds[job_id][0] == owner
        elif claim.result is Claimed.ELSEWHERE:
            assert self.holds[job_id][0] != owner

    @rule(job_id=jobs, owner=OWNERS, attempt=st.integers(1, 3), good=st.booleans())
    def finish(self, job_id: str, owner: str, attempt: int, good: bool) -> None:
        outcome = Outcome.succeeded({"by": owner}) if good else Outcome.of_error(PluginError(owner))
        before = self.store.get([job_id])[job_id]
        is_written = self.store.finish([Finish(job_id, outcome, owner, attempt)])[0]
        assert is_written == (before.status is Status.RUNNING and self.holds[job_id] == (owner, attempt))

    @rule(job_id=jobs)
    def discard(self, job_id: str) -> None:
        before = self.store.get([job_id])[job_id]
        is_written = self.store.finish([Finish(job_id, Outcome.of_error(PluginError("discarded")))])[0]
        assert is_written == (not before.status.is_terminal)

    @rule(job_id=jobs, owner=OWNERS, count=st.booleans(), pause=st.none() | st.just(7.0))
    def release(self, job_id: str, owner: str, count: bool, pause: float | None) -> None:
        not_before = None if pause is None else self.clock() + pause
        self.store.release([job_id], owner, count_attempt=count, not_before=not_before)

    @rule(job_id=jobs, owner=OWNERS)
    def renew(self, job_id: str, owner: str) -> None:
        row = self.store.get([job_id])[job_id]
        signal = self.store.renew([job_id], owner, LEASE_S)[0]
        assert signal.is_lost == (row.status is not Status.RUNNING or row.owner != owner)

    @rule(job_id=jobs, attempt=st.integers(1, 3))
    def append(self, job_id: str, attempt: int) -> None:
        self.store.append(job_id, attempt, [NewEvent(EventKind.DELTA, {"text": "x"})])

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        assert self.store.request_cancel([job_id])[job_id] is not Status.QUEUED

    @rule(job_id=jobs, number=st.integers(1, 120))
    def tell(self, job_id: str, number: int) -> None:
        before = self.store.get([job_id])
        self.store.tell({job_id: [NewNote("called", {"n": n}) for n in range(number)]})
        assert self.store.get([job_id]) == before
        history = self.store.history(job_id)
        assert len(history) <= HISTORY_NOTES
        assert [note.at for note in history] == sorted(note.at for note in history)

    @rule(job_id=jobs)
    def erase(self, job_id: str) -> None:
        before = self.store.get([job_id])[job_id]
        status = self.store.erase([job_id])[job_id]
        after = self.store.get([job_id])[job_id]
        assert status is after.status
        assert (after.input == {}) == status.is_terminal
        assert status.is_terminal == (before.status is not Status.RUNNING)
        if status.is_terminal:
            assert self.store.events(job_id) == []
            self.erased.add(job_id)
            self.ended[job_id] = Outcome.erased(status)
            self.keys = {key: each for key, each in self.keys.items() if each != job_id}

    @rule(job_id=jobs, owner=OWNERS)
    def claim_unless_suspect(self, job_id: str, owner: str) -> None:
        before = self.store.get([job_id])[job_id]
        history = self.store.history(job_id)
        claim = self.store.claim([job_id], owner, LEASE_S, max_crashes=MAX_CRASHES, max_deaths=0)[0]
        assert claim.job == self.store.get([job_id])[job_id]
        if claim.result is Claimed.SUSPECT:
            assert (claim.job, self.store.history(job_id)) == (before, history)
            assert before.crashes or before.status is Status.RUNNING
        if claim.result is Claimed.MINE:
            assert claim.job is not None
            assert claim.job.crashes == 0
            self.holds[job_id] = (owner, claim.job.attempts)

    @rule()
    def expire(self) -> None:
        self.store.expire_overdue()

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def ring(self) -> None:
        for job in self.store.unrung(grace_s=1):
            assert not job.status.is_terminal
            assert job.status is Status.QUEUED or (job.lease_until or 0) < self.clock()
            self.store.mark_published([job.id])

    @invariant()
    def a_terminal_outcome_never_changes(self) -> None:
        for job in self.store.find(limit=1000):
            assert (job.outcome is not None) == job.status.is_terminal
            if job.outcome is not None:
                assert job.outcome.status is job.status
                assert self.ended.setdefault(job.id, job.outcome) == job.outcome
            else:
                assert job.id not in self.ended

    @invariant()
    def events_are_numbered_without_a_gap_and_the_end_comes_once_and_last(self) -> None:
        for job in self.store.find(limit=1000):
            events = self.store.events(job.id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            if job.id in self.erased:
                assert events == []
                continue
            ends = [event.seq for event in events if event.kind is EventKind.END]
            assert ends == ([len(events)] if job.status.is_terminal else [])

    @invariant()
    def tallies_are_what_a_look_at_all_rows_finds(self) -> None:
        self.witness.check(self.clock())

    @invariant()
    def attempts_and_crashes_stay_within_what_happened(self) -> None:
        for job in self.store.find(limit=1000):
            assert 0 <= job.crashes <= MAX_CRASHES + 1
            assert job.attempts >= 0


@pytest.mark.parametrize("histories", [12, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", STORES)
def test_no_history_breaks_the_promises(kind: str, histories: int) -> None:
    machine = type(f"Histories_{kind}", (Histories,), {"kind": kind})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
