"""Log lines for the operator at night: what happened, which job, what happens next; never what is in a job."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from storehand.hookspecs import hookimpl
from storehand.job import Job, Outcome, Status

log = logging.getLogger("storehand_worker.jobs")

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

QUOTED_CODES = frozenset({"settings", "engine", "overloaded", "out_of_memory", "model_not_available", "unavailable"})
"""Errors whose messages we write ourselves. Others (`invalid_input`, `plugin` ...) may quote the shop's data."""


QUOTING = (ValueError, LookupError, AssertionError)
"""Among them pydantic's, json's and Unicode's errors."""


def set_up_logging(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Text lines on stderr for the whole process, once; called again it only changes level and stream."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _OurHandler)]:
        root.removeHandler(handler)
    handler = _OurHandler(stream or sys.stderr)
    handler.setFormatter(_Discreet(FORMAT))
    root.addHandler(handler)
    root.setLevel(level)


class _Discreet(logging.Formatter):
    """Tracebacks without the words of errors that quote what they could not read: those may be a customer's."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        lines: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            words = "(its text is withheld, it may quote a job)" if isinstance(error, QUOTING) else str(error)
            lines = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}: {words}", *lines]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "Traceback (most recent call last):\n" + "\n".join(line.rstrip("\n") for line in lines)


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
            "job %s (%s, %s, attempt %d) %s after %.2f s; %s",
            job.id,
            job.task,
            job.priority,
            job.attempts,
            _how(outcome),
            took_s,
            _NEXT[outcome.status],
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
