"""The job log: one line per job end, without what is in the job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from storehand.hookspecs import hookimpl
from storehand.job import Job, Outcome, Status
from storehand_worker.discretion import QUOTED_CODES
from storehand_worker.log_lines import trace_ids

log = logging.getLogger("storehand_worker.jobs")


class JobLog:
    """An observer: one line per job end."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    @hookimpl
    def on_job_done(self, job: Job, outcome: Outcome) -> None:
        level = logging.WARNING if outcome.status is Status.FAILED else logging.INFO
        if not log.isEnabledFor(level):
            return
        took_s = max(0.0, self._clock() - (job.started_at or job.created_at))
        log.log(
            level,
            "job %s (%s, %s, attempt %d%s) %s after %.2f s; %s",
            job.id,
            job.task,
            job.priority,
            job.attempts,
            f", trace {ids[0]}" if (ids := trace_ids(job)) else "",
            _how(outcome),
            took_s,
            _NEXT[outcome.status],
            extra={"job": job},
        )


_NEXT = {
    Status.SUCCEEDED: "its answer is stored",
    Status.FAILED: "its caller gets the error, it is not tried again",
    Status.CANCELLED: "its caller gets `cancelled`",
    Status.EXPIRED: "its caller gets `expired`",
}


def _how(outcome: Outcome) -> str:
    error = outcome.error
    if error is None or outcome.status is not Status.FAILED:
        return outcome.status
    return f"failed with {error.code}: {error.message}" if error.code in QUOTED_CODES else f"failed with {error.code}"
