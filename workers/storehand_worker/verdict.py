"""Whether a job that has ended was served as promised: the one sentence behind `storehand_slo_jobs_total`.

The promise is about the start: a job begins within `wait_objective_s` of its priority after it was due, and does not
fail for a reason of ours. A job is judged once, at its end; what its retries waited for is in nobody's way, because
only its first claim counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from storehand.errors import Erased, IdempotencyConflict, InvalidInput, JobNotFound, Throttled, error_class
from storehand.job import Job, Outcome, Priority, Status

Verdict = Literal["good", "late", "failed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

CALLERS = (InvalidInput, IdempotencyConflict, JobNotFound, Throttled, Erased)
"""What a caller has asked for, and not what we failed to do; their kinds included. Everything else is ours: time
limits, poison, memory, engines, plugins, a store or payload that is gone, and codes nobody knows."""


def verdict(job: Job, outcome: Outcome, objective_s: Mapping[Priority, float]) -> Verdict | None:
    """`job` is the row at its end, by the store's clock. None: it says nothing about us, as it was cancelled, refused
    before anybody began, or had a deadline that lay before it was due.

    An answer that came after the caller's deadline is late, whatever the objective: nobody could use it.
    """
    due = max(job.created_at, job.not_before or 0.0)
    if outcome.status is Status.CANCELLED:
        return None
    if outcome.status is Status.EXPIRED:
        return None if job.deadline is not None and job.deadline <= due else "late"
    if outcome.status is Status.FAILED and not issubclass(error_class(outcome.code), CALLERS):
        return "failed"
    if job.started_at is None:
        return None
    return "late" if job.started_at - due > objective_s[job.priority] else "good"
