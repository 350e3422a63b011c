"""How a log line is written: as text, or as one JSON object for a collector; and which job it is about.

Neither form holds a word of a job: tracebacks come without the words of errors that may quote one (discretion.py).
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any

from storehand.job import Job
from storehand_worker.discretion import discreet

TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-")
_current: ContextVar[Job | None] = ContextVar("storehand_job_of_log", default=None)


class AboutJob:
    """A context manager: what this thread logs inside is about that job, whoever logs it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._token: Token[Job | None] | None = None

    def __enter__(self) -> None:
        self._token = _current.set(self._job)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


def trace_ids(job: Job) -> tuple[str, str] | None:
    """Trace and span of a job: its span in this worker where that traces, else the one it was submitted in."""
    found = _TRACEPARENT.match(job.trace or "")
    return (found[1], found[2]) if found else None


class TextLines(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        return discreet(ei[1])


class JsonLines(logging.Formatter):
    """`ts` (RFC 3339, UTC), `level`, `logger`, `message`, `thread`; with an error its `error` (class) and `traceback`;
    in a job's line or thread `job`, `task`, `priority`, `tenant`, `attempt`, and where known `trace_id` and
    `span_id`. A line that asks for it by `extra={"job": job}` is about that one."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record.created, record.levelname, record.name, record.getMessage(), record.threadName)
        job = record.__dict__.get("job") or _current.get()
        if isinstance(job, Job):
            line |= _fields(job)
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line |= {"error": type(error).__name__, "traceback": discreet(error)}
        return json.dumps(line, default=str)  # ASCII: a line is whole whatever the stream's encoding can say


def say_json(message: str, stream: object = None) -> None:
    """In place of Celery's `safe_say`, which a signal handler calls: no lock, no buffer, no logging."""
    line = _line(time.time(), "INFO", "celery.worker", message.strip(), "MainThread")
    os.write(2, (json.dumps(line) + "\n").encode())


def _line(at: float, level: str, logger: str, message: str, thread: str | None) -> dict[str, Any]:
    ts = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"ts": ts, "level": level, "logger": logger, "message": message, "thread": thread}


def _fields(job: Job) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "job": job.id, "task": job.task, "priority": job.priority, "tenant": job.tenant, "attempt": job.attempts
    }  # fmt: skip
    if ids := trace_ids(job):
        fields["trace_id"], fields["span_id"] = ids
    return fields
