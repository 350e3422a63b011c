"""What a job store says of its load, on every store: what waits, runs and was done, and who reconciles."""

from __future__ import annotations

import pytest

from storehand.job import NewJob, Priority, Status
from storehand.store import Finish, JobStore, Tally, Upkeep
from tests.contract.stores import OK, STORES, Clock, claimed, created, new, row
from tests.contract.tallied import Witness


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=STORES)
def store(request, tmp_path, clock):
    store = STORES[request.param](tmp_path, clock)
    yield store
    store.close()


def only(store: JobStore) -> Tally:
    [tally] = store.tallies()
    return tally


def test_an_empty_store_has_no_tallies_and_nobody_who_leads(store):
    upkeep = store.upkeep()

    assert store.tallies() == []
    assert (upkeep.leader, upkeep.unrung, upkeep.dead_letters) == (None, 0, 0)


def test_a_new_job_waits_since_it_was_submitted(store, clock):
    created(store)
    clock.advance(7)

    assert only(store) == Tally("tagline", Priority.STANDARD, waiting=1, oldest_due_at=clock() - 7, submitted=1)


def test_a_job_with_a_time_of_its_own_is_scheduled_until_then_and_waits_since_then(store, clock):
    created(store, not_before=clock() + 10)
    before = only(store)
    clock.advance(15)

    assert (before.waiting, before.scheduled, before.oldest_due_at) == (0, 1, None)
    assert (only(store).waiting, only(store).scheduled, only(store).oldest_due_at) == (1, 0, clock() - 5)


def test_tasks_and_priorities_are_counted_apart(store):
    store.create([NewJob(task, {}, priority=each) for task in ("a", "b") for each in Priority])

    assert {(each.task, each.priority) for each in store.tallies()} == {(t, p) for t in "ab" for p in Priority}
    assert all(each.waiting == each.submitted == 1 for each in store.tallies())


def test_a_second_job_with_the_same_key_is_not_counted(store):
    store.create([new(0, idempotency_key="k"), new(0, idempotency_key="k")])
    created(store, idempotency_key="k")

    assert (only(store).waiting, only(store).submitted) == (1, 1)


def test_a_claimed_job_runs_and_a_finished_one_has_taken_its_time(store, clock):
    job = created(store)
    claimed(store, job)
    running = only(store)
    clock.advance(4)
    store.finish([Finish(job.id, OK, "w1", 1)])

    assert (running.waiting, running.running, running.oldest_due_at) == (0, 1, None)
    assert only(store) == Tally("tagline", Priority.STANDARD, submitted=1, finished=1, busy_s=4.0)


def test_a_job_handed_back_waits_anew_and_the_time_it_had_is_counted(store, clock):
    job = created(store)
    claimed(store, job)
    clock.advance(3)
    store.release([job.id], "w1")

    tally = only(store)
    assert (tally.waiting, tally.running, tally.finished, tally.busy_s) == (1, 0, 0, 3.0)
    assert tally.oldest_due_at == clock()


def test_a_job_that_pauses_before_another_try_is_scheduled(store, clock):
    job = created(store)
    claimed(store, job)
    store.release([job.id], "w1", not_before=clock() + 30, count_attempt=True)

    assert (only(store).waiting, only(store).scheduled) == (0, 1)


def test_jobs_that_end_unclaimed_are_not_finished(store, clock):
    cancelled, discarded = created(store), created(store)
    created(store, deadline=clock() + 5)
    store.request_cancel([cancelled.id])
    store.finish([Finish(discarded.id, OK)])
    clock.advance(6)
    store.expire_overdue()

    assert only(store) == Tally("tagline", Priority.STANDARD, submitted=3)


def test_a_job_that_is_cancelled_while_it_runs_has_taken_its_whole_time(store, clock):
    job = created(store)
    claimed(store, job)
    clock.advance(8)
    store.request_cancel([job.id])
    clock.advance(1)
    store.finish([Finish(job.id, OK, "w1", 1)])

    assert (only(store).finished, only(store).busy_s) == (1, 9.0)


def test_the_job_of_a_dead_worker_runs_until_another_has_ended_it(store, clock):
    job = created(store)
    claimed(store, job, "w1")
    clock.advance(20)
    dead = only(store)
    claimed(store, job, "w2")

    assert (dead.running, only(store).running) == (1, 1)
    store.finish([Finish(job.id, OK, "w2", 2)])
    assert (only(store).running, only(store).finished) == (0, 1)


def test_a_finish_that_comes_twice_or_from_a_lost_claim_is_counted_once(store, clock):
    job = created(store)
    claimed(store, job, "w1")
    clock.advance(20)
    claimed(store, job, "w2")
    store.finish([Finish(job.id, OK, "w1", 1)])
    store.finish([Finish(job.id, OK, "w2", 2)])
    store.finish([Finish(job.id, OK, "w2", 2)])

    assert (only(store).running, only(store).finished) == (0, 1)


def test_erased_and_swept_jobs_stay_counted_as_what_they_were(store, clock):
    waiting, done = created(store), created(store)
    claimed(store, done)
    store.finish([Finish(done.id, OK, "w1", 1)])
    store.erase([waiting.id, done.id])
    clock.advance(100)
    store.sweep(result_ttl_s=1)

    assert store.find() == []
    assert only(store) == Tally("tagline", Priority.STANDARD, submitted=2, finished=1)


def test_many_at_once_are_counted_as_one_by_one(store, clock):
    witness = Witness(store)
    jobs = store.create([new(n, priority=list(Priority)[n % 3]) for n in range(200)])
    witness.look()
    store.claim([job.id for job in jobs[:90]], "w1", 60, max_crashes=3)
    witness.look()
    clock.advance(2)
    store.finish([Finish(job.id, OK, "w1", 1) for job in jobs[:50]])
    store.release([job.id for job in jobs[50:60]], "w1", not_before=clock() + 5)

    witness.check(clock())


def test_who_leads_is_said_until_the_lead_runs_out(store, clock):
    store.lead("w1", 10)
    led = store.upkeep().leader
    clock.advance(11)

    assert (led, store.upkeep().leader) == ("w1", None)


def test_upkeep_counts_what_needs_a_message_and_the_dead_letters(store, clock):
    told, _ = created(store), created(store)
    store.mark_published([told.id])
    store.bury(queue="q", reason="no JSON", body="{")
    clock.advance(11)

    assert store.upkeep().unrung == len(store.unrung(grace_s=10)) == 1
    assert store.upkeep().dead_letters == 1


def test_who_leads_and_the_dead_letters_are_told_without_a_count_of_what_needs_a_message(store, clock):
    created(store)
    store.bury(queue="q", reason="no JSON", body="{")
    clock.advance(11)
    store.lead("w1", 10)

    assert store.upkeep(most_unrung=0) == Upkeep("w1", 0, 1)


def test_a_look_changes_nothing(store, clock):
    job = created(store)
    before = row(store, job)
    store.tallies()
    store.upkeep()

    assert row(store, job) == before
    assert before.status is Status.QUEUED
