"""What every job store promises about the removal of personal data."""

from __future__ import annotations

import pytest

from storehand.errors import Erased
from storehand.job import EventKind, Job, NewNote, Status
from storehand.store import Claimed, Finish, JobStore, NewEvent
from tests.contract.stores import OK, Clock, claimed, created, kinds, new, row


def ended(store: JobStore, **fields: object) -> Job:
    job = created(store, **fields)
    claimed(store, job)
    store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "Dear Ms Li"})])
    store.finish([Finish(job.id, OK, "w1", 1)])
    return row(store, job)


def test_an_erased_job_keeps_its_times_and_its_status_and_nothing_of_its_content(store: JobStore, clock: Clock) -> None:
    job = ended(store, subject="customer-7", idempotency_key="k", payload_ref="ref")
    store.bury(queue="q", reason="r", body="Dear Ms Li", job_id=job.id)
    store.bury(queue="q", reason="of another", body="x", job_id="other")
    clock.advance(5)

    assert store.erase([job.id]) == {job.id: Status.SUCCEEDED}

    after = row(store, job)
    assert after.input == {}
    assert (after.subject, after.idempotency_key, after.payload_ref) == (None, None, None)
    assert (after.status, after.created_at, after.finished_at) == (job.status, job.created_at, job.finished_at)
    assert (after.task, after.tenant, after.attempts) == (job.task, job.tenant, job.attempts)
    assert store.events(job.id) == []
    assert [letter.reason for letter in store.dead_letters()] == ["of another"]
    assert store.find(subject="customer-7") == []
    assert after.outcome is not None
    assert (after.outcome.status, after.outcome.code) == (Status.SUCCEEDED, Erased.code)
    with pytest.raises(Erased):
        after.outcome.unwrap()


def test_a_queued_job_is_cancelled_and_erased_at_once(store: JobStore) -> None:
    job = created(store, subject="s")

    assert store.erase([job.id]) == {job.id: Status.CANCELLED}

    after = row(store, job)
    assert (after.status, after.input, after.subject) == (Status.CANCELLED, {}, None)
    assert after.outcome is not None
    assert after.outcome.code == Erased.code


def test_a_running_job_is_asked_to_stop_and_erased_by_the_next_call_after_its_end(
    store: JobStore, clock: Clock
) -> None:
    job = created(store, subject="s")
    claimed(store, job)

    assert store.erase([job.id]) == {job.id: Status.RUNNING}

    asked = row(store, job)
    assert (asked.input, asked.subject, asked.cancel_requested_at) == (job.input, "s", clock())
    assert store.finish([Finish(job.id, OK, "w1", 1)]) == [True]
    assert store.erase([job.id]) == {job.id: Status.SUCCEEDED}
    assert row(store, job).input == {}
    assert kinds(store, job) == []


def test_a_late_message_does_not_run_an_erased_job_again(store: JobStore) -> None:
    job = store.create([new(7, id="from-celery")])[0]
    store.erase([job.id])

    again = store.create([new(7, id="from-celery")])[0]

    assert again == row(store, job)
    assert claimed(store, again) is Claimed.TERMINAL


def test_the_key_of_an_erased_job_is_free_again(store: JobStore) -> None:
    job = ended(store, idempotency_key="k")
    store.erase([job.id])

    assert store.create([new(1, idempotency_key="k")])[0].id != job.id


def test_erasing_twice_and_erasing_the_unknown_is_harmless(store: JobStore) -> None:
    job = ended(store)
    store.erase([job.id])
    before = row(store, job).outcome

    assert store.erase([job.id, "nobody"]) == {job.id: Status.SUCCEEDED}
    assert row(store, job).outcome == before


def test_other_jobs_are_left_alone(store: JobStore) -> None:
    gone, stays = ended(store, subject="s"), ended(store, subject="s")

    store.erase([gone.id])

    assert row(store, stays) == stays
    assert store.find(subject="s") == [stays]
    assert kinds(store, stays) == [EventKind.DELTA, EventKind.END]


def test_the_history_stays_because_it_holds_no_content(store: JobStore) -> None:
    job = ended(store)
    store.tell({job.id: [NewNote("called", {"role": "writer"})]})

    store.erase([job.id])

    assert [note.what for note in store.history(job.id)] == ["claimed", "called"]


def test_an_erased_job_is_swept_as_any_other(store: JobStore, clock: Clock) -> None:
    job = ended(store)
    store.erase([job.id])
    clock.advance(100)

    assert store.sweep(result_ttl_s=50).jobs == 1
    assert store.get([job.id]) == {}
