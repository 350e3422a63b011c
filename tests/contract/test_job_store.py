"""What every job store promises, sentence by sentence of the protocol. Another store joins by a line in STORES."""

from __future__ import annotations

import pytest

from storehand.errors import Expired, IdempotencyConflict, InvalidInput, Poison, TimeLimit
from storehand.job import EventKind, NewJob, Outcome, Priority, Status
from storehand.store import Claimed, Finish, JobStore, NewEvent, Swept
from tests.contract.stores import OK, Clock, claimed, created, kinds, new, row
from tests.waiting import until


class TestCreate:
    def test_a_created_job_is_queued_and_reads_back_as_it_was_returned(self, store: JobStore, clock: Clock) -> None:
        job = store.create(
            [
                new(
                    tenant="t",
                    priority=Priority.BULK,
                    idempotency_key="k",
                    not_before=clock() + 1,
                    deadline=clock() + 2,
                    parent="p",
                    batch="b",
                    experiment="e",
                    trace="tr",
                    payload_ref="ref",
                )
            ]
        )[0]

        assert job.status is Status.QUEUED
        assert job.created_at == clock()
        assert row(store, job) == job

    def test_a_second_job_with_the_same_key_returns_the_first_row(self, store: JobStore) -> None:
        first = created(store, idempotency_key="k")

        second = created(store, idempotency_key="k")

        assert second == first

    def test_the_same_key_with_another_input_is_a_conflict_that_names_the_first_job(self, store: JobStore) -> None:
        first = created(store, idempotency_key="k")

        with pytest.raises(IdempotencyConflict) as caught:
            store.create([new(1, idempotency_key="k")])

        assert caught.value.details == {"job_id": first.id}

    def test_the_order_of_keys_in_an_input_makes_no_other_input(self, store: JobStore) -> None:
        first = store.create([NewJob("t", {"a": 1, "b": {"c": 2, "d": 3}}, idempotency_key="k")])[0]

        second = store.create([NewJob("t", {"b": {"d": 3, "c": 2}, "a": 1}, idempotency_key="k")])[0]

        assert second.id == first.id

    def test_one_key_stands_for_one_job_per_tenant_and_task(self, store: JobStore) -> None:
        jobs = store.create(
            [
                new(idempotency_key="k", tenant="a"),
                new(idempotency_key="k", tenant="b"),
                NewJob("other", {}, idempotency_key="k", tenant="a"),
            ]
        )

        assert len({job.id for job in jobs}) == 3

    def test_a_known_id_with_the_same_input_returns_its_row_and_with_another_conflicts(self, store: JobStore) -> None:
        first = created(store, id="x")

        assert created(store, id="x") == first
        with pytest.raises(IdempotencyConflict):
            store.create([new(1, id="x")])

    def test_a_call_that_conflicts_writes_nothing_at_all(self, store: JobStore) -> None:
        created(store, idempotency_key="k")

        with pytest.raises(IdempotencyConflict):
            store.create([new(1, id="fresh"), new(2, idempotency_key="k")])

        assert store.get(["fresh"]) == {}

    @pytest.mark.parametrize("bad", [float("nan"), object(), "\ud800", {1, 2}])
    def test_an_input_that_json_cannot_carry_is_refused(self, store: JobStore, bad: object) -> None:
        with pytest.raises(InvalidInput):
            store.create([NewJob("t", {"x": bad})])

    def test_a_key_is_free_again_once_its_row_is_swept(self, store: JobStore, clock: Clock) -> None:
        first = created(store, idempotency_key="k")
        store.finish([Finish(first.id, OK)])
        clock.advance(100)
        store.sweep(result_ttl_s=50)

        assert store.create([new(1, idempotency_key="k")])[0].id != first.id


class TestRead:
    def test_get_returns_the_rows_that_exist(self, store: JobStore) -> None:
        job = created(store)

        assert set(store.get([job.id, "nobody"])) == {job.id}

    def test_find_lists_newest_first_and_filters(self, store: JobStore, clock: Clock) -> None:
        old, middle, young = (created(store, tenant=tenant) for tenant in "aba")
        store.finish([Finish(old.id, OK)])

        assert [job.id for job in store.find()] == [young.id, middle.id, old.id]
        assert [job.id for job in store.find(limit=1)] == [young.id]
        assert [job.id for job in store.find(tenant="a", statuses=[Status.QUEUED])] == [young.id]
        assert store.find(task="other") == []

    def test_find_knows_whom_jobs_are_about(self, store: JobStore) -> None:
        about, other = created(store, subject="customer-7", tenant="a"), created(store, subject="customer-8")
        created(store)

        assert about.subject == "customer-7"
        assert store.find(subject="customer-7") == [about]
        assert store.find(subject="customer-7", tenant="b") == []
        assert store.find(subject=other.subject, statuses=[Status.QUEUED]) == [other]

    def test_stats_count_jobs_by_status_and_know_the_oldest_in_the_queue(self, store: JobStore, clock: Clock) -> None:
        created(store)
        clock.advance(7)
        store.finish([Finish(created(store).id, OK)])
        store.bury(queue="q", reason="r", body="b")

        stats = store.stats()

        assert stats.by_status[Status.QUEUED] == 1
        assert stats.by_status[Status.SUCCEEDED] == 1
        assert stats.by_status[Status.RUNNING] == 0
        assert stats.oldest_queued_age_s == pytest.approx(7)
        assert stats.dead_letters == 1

    def test_an_empty_store_has_no_oldest_job(self, store: JobStore) -> None:
        assert store.stats().oldest_queued_age_s is None

    def test_changed_stays_while_nothing_happens_and_differs_after_an_end(self, store: JobStore) -> None:
        job = created(store)
        before = store.changed(0)
        assert store.changed(before) == before

        store.request_cancel([job.id])

        until(lambda: store.changed(before) != before)

    def test_changed_differs_after_an_end_and_an_event_of_the_jobs_asked_for(self, store: JobStore) -> None:
        job = created(store)
        store.claim([job.id], "w1", 15, max_crashes=3)
        seen = store.changed(0, [job.id])

        store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "a"})])
        until(lambda: store.changed(seen, [job.id]) != seen)
        seen = store.changed(seen, [job.id])
        store.finish([Finish(job.id, OK, "w1", 1)])

        until(lambda: store.changed(seen, [job.id]) != seen)

    def test_changed_for_a_worker_differs_after_a_cancel_and_an_end(self, store: JobStore) -> None:
        job = created(store)
        store.claim([job.id], "w1", 15, max_crashes=3)
        seen = store.changed(0)

        store.request_cancel([job.id])
        until(lambda: store.changed(seen) != seen)
        seen = store.changed(seen)
        store.finish([Finish(job.id, OK)])

        until(lambda: store.changed(seen) != seen)


class TestClaim:
    def test_a_claim_makes_the_row_running_and_counts_the_attempt(self, store: JobStore, clock: Clock) -> None:
        job = created(store)

        claim = store.claim([job.id], "w1", 15, max_crashes=3)[0]

        assert claim.result is Claimed.MINE
        assert claim.job == row(store, job)
        assert claim.job is not None
        assert (claim.job.status, claim.job.owner, claim.job.attempts) == (Status.RUNNING, "w1", 1)
        assert claim.job.lease_until == clock() + 15
        assert claim.job.started_at == clock()

    def test_claims_come_in_the_order_of_the_ids(self, store: JobStore) -> None:
        a, b = created(store), created(store)

        claims = store.claim([b.id, "nobody", a.id], "w1", 15, max_crashes=3)

        assert [claim.job and claim.job.id for claim in claims] == [b.id, None, a.id]
        assert [claim.result for claim in claims] == [Claimed.MINE, Claimed.MISSING, Claimed.MINE]

    def test_jobs_claimed_together_are_judged_one_by_one(self, store: JobStore, clock: Clock) -> None:
        fresh, due, early, late, elsewhere, done, back = (
            created(store, **fields)
            for fields in (
                {}, {"not_before": clock() + 1}, {"not_before": clock() + 60}, {"deadline": clock() + 1}, {}, {}, {}
            )
        )  # fmt: skip
        clock.advance(2)
        claimed(store, elsewhere, "w2")
        store.finish([Finish(done.id, OK)])
        claimed(store, back, "w2")
        store.release([back.id], "w2")
        jobs = [fresh, due, early, late, elsewhere, done, back, fresh]

        claims = store.claim([job.id for job in jobs], "w1", 15, max_crashes=3)

        mine, ended = Claimed.MINE, Claimed.TERMINAL
        assert [claim.result for claim in claims] == [
            mine, mine, Claimed.EARLY, ended, Claimed.ELSEWHERE, ended, mine, Claimed.HERE
        ]  # fmt: skip
        assert [claim.job for claim in claims] == [row(store, job) for job in jobs]
        assert [note.what for note in store.history(back.id)].count("claimed") == 2

    def test_a_job_running_here_is_joined_and_its_attempt_not_counted_again(self, store: JobStore) -> None:
        job = created(store)
        claimed(store, job)

        assert claimed(store, job) is Claimed.HERE
        assert row(store, job).attempts == 1

    def test_a_job_with_a_live_lease_elsewhere_is_left_alone(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)

        clock.advance(14.5)
        assert claimed(store, job, "w2") is Claimed.ELSEWHERE
        assert row(store, job).owner == "w1"
        clock.advance(0.5)
        assert claimed(store, job, "w2") is Claimed.MINE

    def test_a_lease_that_ran_out_counts_a_crash_and_goes_to_the_next(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)
        clock.advance(16)

        assert claimed(store, job, "w2") is Claimed.MINE
        after = row(store, job)
        assert (after.owner, after.crashes, after.attempts) == ("w2", 1, 2)

    def test_a_job_over_its_crashes_ends_as_poison_with_a_dead_letter(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        for worker in ("w1", "w2"):
            assert claimed(store, job, worker, max_crashes=1) is Claimed.MINE
            clock.advance(16)

        assert claimed(store, job, "w3", max_crashes=1) is Claimed.TERMINAL

        after = row(store, job)
        assert after.outcome is not None
        assert (after.status, after.outcome.code, after.crashes) == (Status.FAILED, Poison.code, 2)
        assert [letter.job_id for letter in store.dead_letters()] == [job.id]
        assert kinds(store, job) == [EventKind.END]

    def test_a_finished_job_is_terminal_and_brings_its_outcome(self, store: JobStore) -> None:
        job = created(store)
        store.finish([Finish(job.id, OK)])

        claim = store.claim([job.id], "w1", 15, max_crashes=3)[0]

        assert claim.result is Claimed.TERMINAL
        assert claim.job is not None
        assert claim.job.outcome == OK

    def test_an_overdue_job_ends_at_its_claim(self, store: JobStore, clock: Clock) -> None:
        job = created(store, deadline=clock() + 5)
        clock.advance(5)

        assert claimed(store, job) is Claimed.TERMINAL
        assert row(store, job).status is Status.EXPIRED

    def test_a_job_flagged_under_a_dead_worker_is_cancelled_at_the_next_claim(
        self, store: JobStore, clock: Clock
    ) -> None:
        job = created(store)
        claimed(store, job)
        store.request_cancel([job.id])
        clock.advance(16)

        assert claimed(store, job, "w2") is Claimed.TERMINAL
        assert row(store, job).status is Status.CANCELLED

    def test_a_job_before_its_time_is_early_and_untouched(self, store: JobStore, clock: Clock) -> None:
        job = created(store, not_before=clock() + 5)

        assert claimed(store, job) is Claimed.EARLY
        assert row(store, job) == job
        clock.advance(5)
        assert claimed(store, job) is Claimed.MINE

    def test_a_job_under_which_too_many_workers_died_for_this_caller_is_suspect_and_untouched(
        self, store: JobStore, clock: Clock
    ) -> None:
        job = created(store)
        claimed(store, job, "w1")
        clock.advance(16)
        before, history = row(store, job), store.history(job.id)

        claim = store.claim([job.id], "w2", 15, max_crashes=3, max_deaths=0)[0]

        assert claim.result is Claimed.SUSPECT
        assert claim.job == before == row(store, job)
        assert store.history(job.id) == history
        assert store.claim([job.id], "w2", 15, max_crashes=3, max_deaths=1)[0].result is Claimed.MINE

    def test_a_suspect_in_the_queue_is_told_from_one_that_is_early_ended_or_poison(
        self, store: JobStore, clock: Clock
    ) -> None:
        job = created(store)
        claimed(store, job, "w1")
        clock.advance(16)
        claimed(store, job, "w2")
        store.release([job.id], "w2", not_before=clock() + 5)

        def result(max_crashes: int = 3) -> Claimed:
            return store.claim([job.id], "w3", 15, max_crashes=max_crashes, max_deaths=0)[0].result

        assert result() is Claimed.EARLY
        clock.advance(5)
        assert result() is Claimed.SUSPECT
        assert row(store, job).status is Status.QUEUED
        assert result(max_crashes=0) is Claimed.TERMINAL
        assert result() is Claimed.TERMINAL

    def test_who_runs_a_suspect_joins_it_and_others_leave_it_alone(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job, "w1")
        clock.advance(16)
        claimed(store, job, "w2")

        results = [store.claim([job.id], owner, 15, max_crashes=3, max_deaths=0)[0].result for owner in ("w2", "w3")]

        assert results == [Claimed.HERE, Claimed.ELSEWHERE]


class TestRenew:
    def test_a_renewed_lease_holds_longer(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)
        clock.advance(14)

        signal = store.renew([job.id], "w1", 15)[0]

        assert not signal.is_lost
        assert row(store, job).lease_until == clock() + 15

    def test_a_lease_nobody_took_over_can_be_renewed_late(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)
        clock.advance(60)

        assert not store.renew([job.id], "w1", 15)[0].is_lost
        assert claimed(store, job, "w2") is Claimed.ELSEWHERE

    def test_signals_carry_cancel_and_deadline_in_the_order_asked(self, store: JobStore, clock: Clock) -> None:
        due, flagged = created(store, deadline=clock() + 99), created(store)
        store.claim([due.id, flagged.id], "w1", 15, max_crashes=3)
        store.request_cancel([flagged.id])

        signals = store.renew([flagged.id, due.id], "w1", 15)

        assert [(s.job_id, s.cancel_requested, s.deadline) for s in signals] == [
            (flagged.id, True, None),
            (due.id, False, clock() + 99),
        ]

    def test_what_is_gone_terminal_handed_back_or_elsewhere_is_lost(self, store: JobStore, clock: Clock) -> None:
        taken, ended, back = created(store), created(store), created(store)
        store.claim([taken.id, ended.id, back.id], "w1", 15, max_crashes=3)
        store.finish([Finish(ended.id, OK)])
        store.release([back.id], "w1")
        clock.advance(16)
        claimed(store, taken, "w2")

        signals = store.renew([taken.id, ended.id, back.id, "nobody"], "w1", 15)

        assert [signal.is_lost for signal in signals] == [True] * 4
        assert row(store, taken).owner == "w2"


class TestRelease:
    def test_a_job_handed_back_in_order_waits_again_without_counting(self, store: JobStore) -> None:
        job = created(store)
        store.mark_published([job.id])
        claimed(store, job)

        store.release([job.id], "w1")

        after = row(store, job)
        assert (after.status, after.owner, after.attempts, after.crashes) == (Status.QUEUED, None, 0, 0)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_a_retry_counts_its_attempt_and_waits_for_its_time(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)

        store.release([job.id], "w1", not_before=clock() + 5, count_attempt=True)

        assert row(store, job).attempts == 1
        assert store.unrung(grace_s=1) == []
        clock.advance(5)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_only_the_owner_can_hand_a_job_back(self, store: JobStore) -> None:
        job = created(store)
        claimed(store, job)

        store.release([job.id], "w2")

        assert row(store, job).status is Status.RUNNING

    def test_a_streaming_job_that_is_handed_back_tells_its_readers_to_start_anew(self, store: JobStore) -> None:
        job = created(store)
        claimed(store, job)
        store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "half"})])

        store.release([job.id], "w1")

        assert kinds(store, job) == [EventKind.DELTA, EventKind.SNAPSHOT]


class TestFinish:
    def test_the_outcome_is_stored_with_an_end_event(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)

        assert store.finish([Finish(job.id, OK, "w1", 1)]) == [True]

        after = row(store, job)
        assert (after.status, after.outcome, after.finished_at) == (Status.SUCCEEDED, OK, clock())
        assert kinds(store, job) == [EventKind.END]

    def test_an_error_comes_back_with_code_message_and_details(self, store: JobStore) -> None:
        job = created(store)

        store.finish([Finish(job.id, Outcome.of_error(TimeLimit("too slow: \ud800", details={"limit_s": 5})))])

        outcome = row(store, job).outcome
        assert outcome is not None
        assert outcome.error is not None
        assert (outcome.error.code, outcome.error.message) == ("time_limit", "too slow: \ud800")
        assert outcome.error.details == {"limit_s": 5}

    def test_a_terminal_outcome_is_written_once(self, store: JobStore) -> None:
        job = created(store)
        store.finish([Finish(job.id, OK)])

        assert store.finish([Finish(job.id, Outcome.of_error(Expired()))]) == [False]
        assert row(store, job).outcome == OK
        assert kinds(store, job) == [EventKind.END]

    @pytest.mark.parametrize(("owner", "attempt"), [("w2", 1), ("w1", 2), ("w2", None)])
    def test_a_claim_that_does_not_hold_cannot_finish(self, store: JobStore, owner: str, attempt: int | None) -> None:
        job = created(store)
        claimed(store, job, "w1")

        assert store.finish([Finish(job.id, OK, owner, attempt)]) == [False]
        assert row(store, job).status is Status.RUNNING

    def test_a_worker_taken_for_dead_cannot_overwrite_its_successor(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job, "w1")
        clock.advance(16)
        claimed(store, job, "w2")

        assert store.finish([Finish(job.id, OK, "w1", 1), Finish(job.id, OK, "w2", 2)]) == [False, True]

    def test_a_discard_ends_a_queued_job_and_an_unknown_one_is_false(self, store: JobStore) -> None:
        job = created(store)

        assert store.finish([Finish("nobody", OK), Finish(job.id, OK)]) == [False, True]


class TestCancel:
    def test_a_queued_job_ends_at_once(self, store: JobStore) -> None:
        job = created(store)

        assert store.request_cancel([job.id]) == {job.id: Status.CANCELLED}
        assert kinds(store, job) == [EventKind.END]

    def test_a_running_job_is_flagged_for_its_worker(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job)

        assert store.request_cancel([job.id]) == {job.id: Status.RUNNING}
        assert row(store, job).cancel_requested_at == clock()

    def test_a_finished_job_keeps_its_outcome_and_an_unknown_one_is_left_out(self, store: JobStore) -> None:
        job = created(store)
        store.finish([Finish(job.id, OK)])

        assert store.request_cancel([job.id, "nobody"]) == {job.id: Status.SUCCEEDED}
        assert row(store, job).outcome == OK


class TestEvents:
    def test_events_are_numbered_from_one_and_read_after_a_number(self, store: JobStore) -> None:
        job = created(store)
        claimed(store, job)

        last = store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": text}) for text in "ab"])
        last = store.append(job.id, 1, [NewEvent(EventKind.PROGRESS, {"done": 0.5})])

        assert last == 3
        assert [event.data for event in store.events(job.id, after=1)] == [{"text": "b"}, {"done": 0.5}]
        assert [event.seq for event in store.events(job.id, limit=2)] == [1, 2]

    def test_nothing_comes_after_the_end(self, store: JobStore) -> None:
        job = created(store)
        claimed(store, job)
        store.finish([Finish(job.id, OK, "w1", 1)])

        store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "late"})])

        assert kinds(store, job) == [EventKind.END]

    def test_an_attempt_that_lost_its_claim_writes_no_events(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        claimed(store, job, "w1")
        clock.advance(16)
        claimed(store, job, "w2")

        store.append(job.id, 1, [NewEvent(EventKind.DELTA, {"text": "zombie"})])

        assert store.events(job.id) == []


class TestReconciling:
    def test_a_fresh_row_gets_its_grace_before_it_is_rung(self, store: JobStore, clock: Clock) -> None:
        job = created(store)

        assert store.unrung(grace_s=10) == []
        clock.advance(10)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_a_published_row_is_rung_again_only_after_a_long_time(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        store.mark_published([job.id])
        clock.advance(999)

        assert store.unrung(grace_s=10) == []
        clock.advance(1)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_a_row_is_not_rung_before_its_time_and_at_once_when_it_comes(self, store: JobStore, clock: Clock) -> None:
        job = created(store, not_before=clock() + 100)
        clock.advance(99)

        assert store.unrung(grace_s=10) == []
        clock.advance(1)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_a_lost_lease_is_rung_once_after_its_grace(self, store: JobStore, clock: Clock) -> None:
        job = created(store)
        store.mark_published([job.id])
        claimed(store, job, lease_s=15)
        clock.advance(24)

        assert store.unrung(grace_s=10) == []
        clock.advance(1)
        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]
        store.mark_published([job.id])
        clock.advance(30)
        assert store.unrung(grace_s=10) == []

    def test_a_mark_that_comes_late_does_not_hide_a_job_handed_back_meanwhile(
        self, store: JobStore, clock: Clock
    ) -> None:
        job = created(store)
        began = store.now()
        clock.advance(1)
        claimed(store, job)
        store.release([job.id], "w1")

        store.mark_published([job.id], at=began)

        assert [each.id for each in store.unrung(grace_s=10)] == [job.id]

    def test_unrung_keeps_to_its_limit(self, store: JobStore, clock: Clock) -> None:
        store.create([new(number) for number in range(5)])
        clock.advance(10)

        assert len(store.unrung(grace_s=10, limit=3)) == 3

    def test_jobs_of_dead_workers_come_before_all_that_waits(self, store: JobStore, clock: Clock) -> None:
        handed_back, waiting = created(store), store.create([new(number) for number in range(5)])
        claimed(store, handed_back)
        store.release([handed_back.id], "w1")
        store.mark_published([job.id for job in waiting[:3]])
        lost = created(store)
        claimed(store, lost, "w2")
        clock.advance(2000)

        assert [each.id for each in store.unrung(grace_s=10, limit=1)] == [lost.id]

    def test_a_lease_renewed_after_its_worker_was_taken_for_dead_is_watched_again(
        self, store: JobStore, clock: Clock
    ) -> None:
        job = created(store)
        claimed(store, job, lease_s=15)
        clock.advance(30)
        store.mark_published([each.id for each in store.unrung(grace_s=10)])
        assert store.unrung(grace_s=10) == []
        clock.advance(-20)  # somebody has set the clock

        store.renew([job.id], "w1", 15)
        store.finish([Finish(job.id, OK, "w1", 1)])
        clock.advance(5000)

        assert store.unrung(grace_s=10) == []
        assert store.stats().by_status[Status.RUNNING] == 0

    def test_overdue_jobs_in_the_queue_expire_and_running_ones_do_not(self, store: JobStore, clock: Clock) -> None:
        waiting, running = created(store, deadline=clock() + 5), created(store, deadline=clock() + 5)
        claimed(store, running)
        created(store, deadline=clock() + 50)
        clock.advance(6)

        ended = store.expire_overdue()

        assert [(job.id, job.status) for job in ended] == [(waiting.id, Status.EXPIRED)]
        assert kinds(store, waiting) == [EventKind.END]
        assert row(store, running).status is Status.RUNNING

    def test_one_owner_leads_until_its_lease_ends(self, store: JobStore, clock: Clock) -> None:
        assert store.lead("a", 10)
        assert not store.lead("b", 10)
        clock.advance(9)
        assert store.lead("a", 10)
        clock.advance(10)
        assert store.lead("b", 10)
        assert not store.lead("a", 10)

    def test_a_sweep_deletes_old_jobs_with_their_events_and_old_letters_only(
        self, store: JobStore, clock: Clock
    ) -> None:
        old, waiting = created(store), created(store)
        store.finish([Finish(old.id, OK)])
        store.bury(queue="q", reason="old", body="")
        clock.advance(100)
        young = created(store)
        store.finish([Finish(young.id, OK)])

        assert store.sweep(result_ttl_s=50) == Swept(1)

        assert set(store.get([old.id, waiting.id, young.id])) == {waiting.id, young.id}
        assert store.events(old.id) == []
        assert store.dead_letters() == []

    def test_a_sweep_tells_under_what_large_inputs_were_stored(self, store: JobStore, clock: Clock) -> None:
        jobs = store.create([new(number, payload_ref=f"ref-{number}") for number in range(3)])
        store.finish([Finish(job.id, OK) for job in jobs[:2]])
        clock.advance(2)

        swept = store.sweep(result_ttl_s=1)

        assert (swept.jobs, set(swept.payload_refs)) == (2, {"ref-0", "ref-1"})

    def test_a_sweep_of_more_than_one_chunk_deletes_all(self, store: JobStore, clock: Clock) -> None:
        jobs = store.create([new(number) for number in range(1100)])
        store.finish([Finish(job.id, OK) for job in jobs])
        clock.advance(2)

        assert store.sweep(result_ttl_s=1).jobs == 1100
        assert store.find() == []

    def test_dead_letters_keep_a_message_as_it_came_newest_first(self, store: JobStore, clock: Clock) -> None:
        store.bury(queue="q", reason="no json", body="{\ud800", job_id=None)
        store.bury(queue="q", reason="second", body="x", job_id="j")

        second, first = store.dead_letters()

        assert (second.reason, second.job_id, first.queue, first.at) == ("second", "j", "q", clock())
        assert first.body.startswith("{")
        assert len(store.dead_letters(limit=1)) == 1

    def test_dead_letters_are_found_by_their_number_and_know_their_task(self, store: JobStore) -> None:
        store.bury(queue="q", reason="first", body="x", task="storehand.nonsense")
        store.bury(queue="q", reason="second", body="x")
        second, first = store.dead_letters()

        assert (first.task, second.task) == ("storehand.nonsense", None)
        assert store.dead_letters(ids=[first.id, 10**9]) == [first]
        assert store.dead_letters(ids=[]) == []
        assert store.dead_letters(ids=[first.id, second.id]) == [second, first]

    def test_dead_letters_are_dropped_by_their_number_or_all(self, store: JobStore) -> None:
        for reason in ("first", "second", "third"):
            store.bury(queue="q", reason=reason, body="x")
        third, second, first = store.dead_letters()

        assert store.drop_dead([second.id, 10**9]) == 1
        assert store.dead_letters() == [third, first]
        assert store.drop_dead([]) == 0
        assert store.drop_dead() == 2
        assert store.dead_letters() == []
        assert store.stats().dead_letters == 0


class TestAttend:
    def test_who_attends_works_as_before_and_lives(self, store: JobStore, clock: Clock) -> None:
        store.attend("w1")
        store.attend("w1")
        store.attend("壶:1")
        job = created(store)

        assert claimed(store, job) is Claimed.MINE
        assert claimed(store, job, "w2") is Claimed.ELSEWHERE
        assert store.lead("w1", 10)
        assert not store.lead("w2", 10)
        assert store.unrung(grace_s=0) == []

    def test_a_living_owner_still_loses_what_it_does_not_renew(self, store: JobStore, clock: Clock) -> None:
        store.attend("w1")
        job = created(store)
        claimed(store, job)
        clock.advance(16)

        assert claimed(store, job, "w2") is Claimed.MINE
        assert row(store, job).crashes == 1


def test_empty_lists_do_nothing(store: JobStore) -> None:
    before = store.changed(0)

    assert store.create([]) == []
    assert store.get([]) == {}
    assert store.claim([], "w", 1, max_crashes=1) == []
    assert store.renew([], "w", 1) == []
    assert store.finish([]) == []
    assert store.request_cancel([]) == {}
    assert store.erase([]) == {}
    store.mark_published([])
    store.release([], "w")
    store.tell({})
    assert store.changed(before) == before


def test_a_claim_says_whether_it_was_the_one_that_ended_the_job(store: JobStore) -> None:
    late, done = (job.id for job in store.create([new(deadline=1.0), new()]))
    store.request_cancel([done])

    first, second, other = (store.claim([each], "me", 10, max_crashes=3)[0] for each in (late, late, done))

    assert [each.result for each in (first, second, other)] == [Claimed.TERMINAL] * 3
    assert [each.is_end for each in (first, second, other)] == [True, False, False]
