"""Log lines for the operator at night: what happened, which job, what happens next; never what is in a job."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Literal, TextIO

from storehand.hookspecs import hookimpl
from storehand.job import Job, Outcome, Status
from storehand_worker.log_lines import JsonLines, TextLines, trace_ids

log = logging.getLogger("storehand_worker.jobs")

QUOTED_CODES = frozenset({"settings", "engine", "overloaded", "out_of_memory", "model_not_available", "unavailable"})
"""Errors whose messages we write ourselves. Others (`invalid_input`, `plugin` ...) may quote the shop's data."""


def set_up_logging(
    level: str = "INFO", *, log_format: Literal["text", "json"] = "text", stream: TextIO | None = None
) -> None:
    """Lines on stderr for the whole process, once; called again it only changes level, form and stream. `level` and
    `log_format` are the settings."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _OurHandler)]:
        root.removeHandler(handler)
    handler = _OurHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    root.addHandler(handler)
    root.setLevel(level)


def leave_nothing_unsaid() -> None:
    """From now on Python's warnings, and errors that end a thread or the process, are log lines too: printed as Python
    does it they would be no JSON, and might quote a job."""
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: _tell_end(error, "the process")
    threading.excepthook = lambda args: _tell_end(
        args.exc_value, f"the thread {args.thread.name if args.thread else '?'}"
    )


def _tell_end(error: BaseException | None, who: str) -> None:
    if not isinstance(error, SystemExit | KeyboardInterrupt):
        logging.getLogger("storehand_worker").critical("%s ends by an error of our own", who, exc_info=error)


class _OurHandler(logging.StreamHandler[TextIO]):
    """Ours, told apart from handlers that a test or an embedding program has put there."""


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
