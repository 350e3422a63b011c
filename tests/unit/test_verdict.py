"""Whether a job counts as served as promised."""

from __future__ import annotations

import pytest

from storehand.errors import (
    Cancelled,
    EngineError,
    Erased,
    Expired,
    IdempotencyConflict,
    InvalidInput,
    OutOfMemory,
    PayloadLost,
    PluginError,
    Poison,
    RateLimited,
    StorehandError,
    TimeLimit,
    UnknownTask,
)
from storehand.job import ErrorInfo, Outcome, Priority, Status
from storehand_worker.verdict import verdict
from tests.unit.rows import a_job

OBJECTIVE_S = {Priority.INTERACTIVE: 1.0, Priority.STANDARD: 10.0, Priority.BULK: 100.0}
DONE = Outcome.succeeded({})


def failed(error: StorehandError) -> Outcome:
    return Outcome.of_error(error)


@pytest.mark.parametrize(("waited_s", "found"), [(0.0, "good"), (10.0, "good"), (10.1, "late")])
def test_a_job_is_late_that_begins_later_than_promised(waited_s, found):
    assert verdict(a_job(created_at=1000.0, started_at=1000.0 + waited_s), DONE, OBJECTIVE_S) == found


def test_each_priority_has_its_own_promise():
    found = [verdict(a_job(started_at=1005.0, priority=each), DONE, OBJECTIVE_S) for each in Priority]

    assert found == ["late", "good", "good"]


def test_the_wait_counts_from_when_the_job_was_due():
    assert verdict(a_job(not_before=2000.0, started_at=2003.0), DONE, OBJECTIVE_S) == "good"


def test_a_retry_is_judged_by_the_whole_jobs_first_start():
    assert verdict(a_job(started_at=1002.0, updated_at=1900.0, attempts=4), DONE, OBJECTIVE_S) == "good"


@pytest.mark.parametrize(
    "error", [EngineError, OutOfMemory, PayloadLost, PluginError, Poison, StorehandError, TimeLimit]
)
def test_what_fails_for_a_reason_of_ours_has_failed_however_soon_it_began(error):
    assert verdict(a_job(), failed(error()), OBJECTIVE_S) == "failed"
    assert verdict(a_job(started_at=None), failed(error()), OBJECTIVE_S) == "failed"


def test_a_code_that_nobody_knows_is_ours():
    assert verdict(a_job(), Outcome(Status.FAILED, error=ErrorInfo("no_such_code", "?")), OBJECTIVE_S) == "failed"


@pytest.mark.parametrize("error", [InvalidInput, UnknownTask, IdempotencyConflict, RateLimited, Erased])
def test_what_the_caller_got_wrong_is_judged_by_its_start_alone(error):
    assert verdict(a_job(), failed(error()), OBJECTIVE_S) == "good"
    assert verdict(a_job(started_at=1011.0), failed(error()), OBJECTIVE_S) == "late"
    assert verdict(a_job(started_at=None), failed(error()), OBJECTIVE_S) is None


def test_cancelled_jobs_are_not_counted():
    assert verdict(a_job(), failed(Cancelled()), OBJECTIVE_S) is None


def test_an_answer_after_the_callers_deadline_is_late_whether_anybody_began_or_not():
    assert verdict(a_job(deadline=1003.0, started_at=None), failed(Expired()), OBJECTIVE_S) == "late"
    assert verdict(a_job(deadline=1003.0), failed(Expired()), OBJECTIVE_S) == "late"


def test_a_deadline_before_the_job_was_due_says_nothing_about_us():
    assert verdict(a_job(deadline=1000.0, started_at=None), failed(Expired()), OBJECTIVE_S) is None
    assert verdict(a_job(deadline=1500.0, not_before=2000.0, started_at=None), failed(Expired()), OBJECTIVE_S) is None
