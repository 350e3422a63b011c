"""Rows of the SQLite job store as frozen dataclasses, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from storehand.job import ErrorInfo, Event, EventKind, Job, NewJob, Outcome, Priority, Status

_COLUMNS = tuple(field.name for field in fields(Job) if field.name != "input")

SELECT_JOB = f"SELECT input, {', '.join(_COLUMNS)} FROM jobs JOIN inputs USING (n)"  # noqa: S608  # names above
"""Named columns, never `*`: a newer program may have added some."""

JOB_OF_UPDATE = f"(SELECT input FROM inputs WHERE inputs.n = jobs.n), {', '.join(_COLUMNS)}"  # noqa: S608  # names above
"""The same, for an update to return."""

ERASED_FINGERPRINT = ""
"""Of a row whose input was erased: a late message with any input means this job, which has ended."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def job_of(row: Sequence[Any]) -> Job:
    """A row of SELECT_JOB."""
    values = dict(zip(_COLUMNS, row[1:], strict=True))
    values["status"] = Status(values["status"])
    values["priority"] = Priority(values["priority"])
    values["outcome"] = decode_outcome(values["outcome"])
    return Job(input=json.loads(row[0]), **values)


def created(new: NewJob, now: float) -> Job:
    """The row a new job becomes."""
    return Job(
        id=new.id, task=new.task, input=new.input, status=Status.QUEUED, tenant=new.tenant, priority=new.priority,
        idempotency_key=new.idempotency_key, created_at=now, updated_at=now, published_at=None,
        not_before=new.not_before, deadline=new.deadline, attempts=0, crashes=0, owner=None, lease_until=None,
        cancel_requested_at=None, started_at=None, finished_at=None, outcome=None, batch=new.batch, parent=new.parent,
        experiment=new.experiment, trace=new.trace, payload_ref=new.payload_ref, subject=new.subject,
    )  # fmt: skip


def event_of(row: Sequence[Any]) -> Event:
    job_id, seq, attempt, kind, data, at = row
    return Event(job_id, seq, attempt, EventKind(kind), json.loads(data), at)


def encode(data: Mapping[str, Any]) -> str:
    """JSON for a column. Half a surrogate pair, which a model may emit, is kept as an escape."""
    text = _encode(dict(data))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(dict(data), separators=(",", ":"))
    return text


def encode_outcome(outcome: Outcome) -> str:
    error = outcome.error
    return encode(
        {
            "status": outcome.status,
            "output": None if outcome.output is None else dict(outcome.output),
            "error": None
            if error is None
            else {
                "code": error.code,
                "message": error.message,
                "retryable": error.retryable,
                "details": dict(error.details),
            },
        }
    )


def decode_outcome(text: str | None) -> Outcome | None:
    if text is None:
        return None
    data = json.loads(text)
    error = data["error"]
    return Outcome(
        Status(data["status"]),
        output=data["output"],
        error=None
        if error is None
        else ErrorInfo(error["code"], error["message"], error["retryable"], error["details"]),
    )
