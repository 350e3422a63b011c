"""What the Lua script takes and says, as the dataclasses of the store, and back. None travels as false."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storehand.errors import IdempotencyConflict, Throttled
from storehand.job import Event, EventKind, Job, NewJob, NewNote, Note, Priority, Status
from storehand.payload import encode_input, job_fingerprint
from storehand.store import Claim, Claimed, DeadLetter, Finish, Limit, NewEvent, Signal, Tally
from storehand.store.admission import quota_exceeded, rate_limited
from storehand.store.rows import created, decode_outcome, encode, encode_outcome

_STATUS = {str(status): status for status in Status}
_PRIORITY = {str(priority): priority for priority in Priority}
_CLAIMED = {str(claimed): claimed for claimed in Claimed}


def job_of(row: Sequence[Any]) -> Job:
    """A row in the order of Job's fields, the id last."""
    (
        task, input_, status, tenant, priority, key, created_at, updated_at, published_at, not_before, deadline,
        attempts, crashes, owner, lease_until, cancel_requested_at, started_at, finished_at, outcome, batch, parent,
        experiment, trace, payload_ref, subject, job_id,
    ) = row  # fmt: skip
    return Job(
        job_id, task, json.loads(input_), _STATUS[status], tenant, _PRIORITY[priority], _text(key), float(created_at),
        float(updated_at), _time(published_at), _time(not_before), _time(deadline), int(attempts), int(crashes),
        _text(owner), _time(lease_until), _time(cancel_requested_at), _time(started_at), _time(finished_at),
        decode_outcome(_text(outcome)), _text(batch), _text(parent), _text(experiment), _text(trace),
        _text(payload_ref), _text(subject),
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is False else value


def _time(value: Any) -> float | None:
    return None if value is False else float(value)


def given(value: Any) -> Any:
    """As an argument of the script."""
    return False if value is None else value


def new_row(new: NewJob) -> dict[str, Any]:
    """InvalidInput for what JSON cannot carry."""
    text = encode_input(new.input)
    return {
        "id": new.id, "task": new.task, "input": text, "tenant": new.tenant, "priority": new.priority,
        "fingerprint": job_fingerprint(new, text), "idempotency_key": given(new.idempotency_key),
        "not_before": given(new.not_before), "deadline": given(new.deadline), "batch": given(new.batch),
        "parent": given(new.parent), "experiment": given(new.experiment), "trace": given(new.trace),
        "payload_ref": given(new.payload_ref), "subject": given(new.subject),
    }  # fmt: skip


def limits_of(limits: Mapping[str, Limit]) -> dict[str, Any]:
    return {
        tenant: {"jobs_per_s": given(each.jobs_per_s), "burst": each.burst, "open_jobs": given(each.open_jobs)}
        for tenant, each in limits.items()
    }


def created_jobs(reply: Sequence[Any], jobs: Sequence[NewJob], limits: Mapping[str, Limit]) -> list[Job]:
    """What a create says: rows, or the error that a refusal means."""
    if reply[0] == "conflict":
        _, job_id, by, name = reply
        named = f"the id {name!r}" if by == "id" else f"the idempotency key {name!r}"
        raise IdempotencyConflict(f"{named} belongs to job {job_id} with another input", details={"job_id": job_id})
    if reply[0] != "ok":
        raise _refusal(reply, limits)
    rows: list[Job] = []
    for new, row in zip(jobs, reply[1], strict=True):
        if isinstance(row, str):  # the store's time
            rows.append(created(new, float(row)))
        else:  # a row that was there before, or the number of its first in this call
            rows.append(rows[row - 1] if isinstance(row, int) else job_of(row))
    return rows


def _refusal(reply: Sequence[Any], limits: Mapping[str, Limit]) -> Throttled:
    tenant = reply[1]
    if reply[0] == "quota":
        return quota_exceeded(tenant, reply[2], reply[3], limits[tenant])
    return rate_limited(tenant, float(reply[2]), limits[tenant])


def claim_of(reply: Sequence[Any]) -> Claim:
    result, row, is_end = reply
    return Claim(_CLAIMED[result], None if row is False else job_of(row), is_end=is_end)


def signal_of(job_id: str, reply: Sequence[Any]) -> Signal:
    is_lost, cancel_requested, deadline = reply
    return Signal(job_id, is_lost, cancel_requested, _time(deadline))


def ended(finish: Finish, before: str | bool) -> dict[str, Any]:
    outcome = finish.outcome
    return {
        "id": finish.job_id, "status": outcome.status, "outcome": encode_outcome(outcome), "code": outcome.code,
        "reason": outcome.error.message if outcome.error else "", "owner": given(finish.owner),
        "attempt": given(finish.attempt), "notes": notes_of(finish.notes), "before": before,
    }  # fmt: skip


def notes_of(notes: Iterable[NewNote]) -> list[list[str]]:
    return [[note.what, json.dumps(dict(note.data), separators=(",", ":"))] for note in notes]


def note_of(line: str) -> Note:
    return Note(*json.loads(line))


def events_of(events: Iterable[NewEvent]) -> list[list[str]]:
    return [[event.kind, encode(event.data)] for event in events]


def event_of(job_id: str, seq: int, line: str) -> Event:
    attempt, kind, data, at = json.loads(line)
    return Event(job_id, seq, attempt, EventKind(kind), data, at)


def tally_of(reply: Sequence[Any]) -> Tally:
    kind, counts, scheduled, oldest = reply
    task, _, priority = kind.rpartition("\0")
    waiting = counts["waiting"] - scheduled
    return Tally(
        task, _PRIORITY[priority], waiting=waiting, scheduled=scheduled, running=counts["running"],
        oldest_due_at=_time(oldest) if waiting else None, submitted=counts["submitted"],
        finished=counts["finished"], busy_s=counts["busy"] / 1e6,
    )  # fmt: skip


def letter_of(number: int, text: str) -> DeadLetter:
    queue, reason, at, job_id, body, task = json.loads(text)
    return DeadLetter(number, queue, reason, float(at), _text(job_id), body, _text(task))
