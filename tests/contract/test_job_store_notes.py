"""What every job store promises about the history of a job."""

from __future__ import annotations

from storehand.job import EventKind, NewNote, Note
from storehand.store import HISTORY_NOTES, Finish, JobStore, NewEvent
from tests.contract.stores import OK, Clock, claimed, created, row


def whats(store: JobStore, job_id: str) -> list[str]:
    return [note.what for note in store.history(job_id)]


def test_claims_crashes_and_cancels_are_noted_with_their_time(store: JobStore, clock: Clock) -> None:
    job = created(store)
    began = clock()
    claimed(store, job, "w1")
    clock.advance(16)
    claimed(store, job, "w2")
    clock.advance(1)
    store.request_cancel([job.id])
    store.request_cancel([job.id])

    assert store.history(job.id) == [
        Note(began, "claimed", {"owner": "w1", "attempt": 1}),
        Note(began + 16, "crashed", {"owner": "w1"}),
        Note(began + 16, "claimed", {"owner": "w2", "attempt": 2}),
        Note(began + 17, "cancel_requested", {}),
    ]


def test_a_new_job_and_an_unknown_one_have_no_history(store: JobStore) -> None:
    assert store.history(created(store).id) == []
    assert store.history("nobody") == []


def test_a_cancel_in_the_queue_and_a_death_that_ends_a_job_are_noted(store: JobStore, clock: Clock) -> None:
    queued, poison = created(store), created(store)
    store.request_cancel([queued.id])
    claimed(store, poison, "w1")
    clock.advance(16)
    claimed(store, poison, "w2", max_crashes=0)

    assert whats(store, queued.id) == ["cancel_requested"]
    assert whats(store, poison.id) == ["claimed", "crashed"]


def test_a_claim_that_gets_nothing_leaves_no_note(store: JobStore, clock: Clock) -> None:
    job, early = created(store), created(store, not_before=clock() + 9)
    for owner in ("w1", "w1", "w2"):
        claimed(store, job, owner)
    claimed(store, early)

    assert whats(store, job.id) == ["claimed"]
    assert whats(store, early.id) == []


def test_what_workers_tell_stands_between_in_the_order_it_came(store: JobStore, clock: Clock) -> None:
    job = created(store)
    claimed(store, job)
    store.tell(
        {job.id: [NewNote("joined"), NewNote("called", {"role": "写", "wait_s": 0.25})], "nobody": [NewNote("x")]}
    )
    clock.advance(1)
    store.release([job.id], "w1", note=NewNote("retried", {"code": "overloaded"}))
    claimed(store, job)
    store.finish([Finish(job.id, OK, "w1", 1, notes=(NewNote("called", {"n": 1}), NewNote("called", {"n": 2})))])

    assert whats(store, job.id) == ["claimed", "joined", "called", "retried", "claimed", "called", "called"]
    assert store.history(job.id)[2].data == {"role": "写", "wait_s": 0.25}
    assert store.history(job.id)[3].at == clock()


def test_notes_of_a_claim_that_does_not_hold_are_not_written(store: JobStore) -> None:
    job = created(store)
    claimed(store, job)

    store.release([job.id], "w2", note=NewNote("handed_back"))
    store.finish([Finish(job.id, OK, "w2", 1, notes=(NewNote("called"),))])

    assert whats(store, job.id) == ["claimed"]


def test_telling_changes_nothing_about_the_row(store: JobStore, clock: Clock) -> None:
    job = created(store)
    clock.advance(5)

    store.tell({job.id: [NewNote("joined")]})

    assert row(store, job) == job


def test_a_long_history_keeps_its_beginning_and_its_end(store: JobStore) -> None:
    job = created(store)
    claimed(store, job)
    for start in range(0, 3 * HISTORY_NOTES, 50):
        store.tell({job.id: [NewNote("called", {"n": start + n}) for n in range(50)]})

    history = store.history(job.id)

    assert len(history) <= HISTORY_NOTES
    assert history[0].what == "claimed"
    assert history[1].data == {"n": 0}
    assert history[-1].data == {"n": 3 * HISTORY_NOTES - 1}
    numbers = [note.data["n"] for note in history[1:]]
    assert numbers == sorted(numbers)


def test_a_stream_that_begins_anew_says_why(store: JobStore) -> None:
    job = created(store)
    claimed(store, job)
    store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "half"})])

    store.release([job.id], "w1", note=NewNote("handed_back", {"reason": "drain"}))

    event = store.events(job.id)[-1]
    assert (event.kind, event.data) == (EventKind.SNAPSHOT, {"text": "", "reason": "handed_back"})
