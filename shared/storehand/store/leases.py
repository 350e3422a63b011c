"""The life of a row inside one transaction: created, claimed, renewed, handed back, ended. No clock in here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from storehand.errors import Cancelled, Expired, IdempotencyConflict, Poison
from storehand.job import EventKind, Job, NewJob, Outcome, Status
from storehand.payload import encode_input, fingerprint
from storehand.store import Claim, Claimed, Finish, Signal
from storehand.store.rows import SELECT_JOB, created, encode, encode_outcome, job_of

IsDead = Callable[[str], bool]
"""Whether this owner of leases is known to be dead."""

_INSERT = """
INSERT INTO jobs (id, task, status, tenant, priority, fingerprint, idempotency_key, created_at, updated_at,
                  not_before, deadline, batch, parent, experiment, trace, payload_ref, subject)
VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


def create(db: sqlite3.Connection, jobs: Sequence[NewJob], now: float) -> list[Job]:
    return [_create_one(db, new, now) for new in jobs]


def _create_one(db: sqlite3.Connection, new: NewJob, now: float) -> Job:
    text = encode_input(new.input)
    print_ = fingerprint(text)
    values = (
        new.id, new.task, new.tenant, new.priority, print_, new.idempotency_key, now, now,
        new.not_before, new.deadline, new.batch, new.parent, new.experiment, new.trace, new.payload_ref, new.subject,
    )  # fmt: skip
    cursor = db.execute(_INSERT, values)
    if cursor.rowcount == 1:
        db.execute("INSERT INTO inputs (n, input) VALUES (?, ?)", (cursor.lastrowid, text))
        return created(new, now)
    return _first_row(db, new, print_)


def _first_row(db: sqlite3.Connection, new: NewJob, print_: str) -> Job:
    """The row that was there before, if it means the same job."""
    same_id = db.execute("SELECT id, task, fingerprint FROM jobs WHERE id = ?", (new.id,)).fetchone()
    first = (
        same_id
        or db.execute(
            "SELECT id, task, fingerprint FROM jobs WHERE tenant = ? AND task = ? AND idempotency_key = ?",
            (new.tenant, new.task, new.idempotency_key),
        ).fetchone()
    )
    if (first[1], first[2]) != (new.task, print_):
        named = f"the id {new.id!r}" if same_id else f"the idempotency key {new.idempotency_key!r}"
        raise IdempotencyConflict(f"{named} belongs to job {first[0]} with another input", details={"job_id": first[0]})
    row = db.execute(f"{SELECT_JOB} WHERE id = ?", (first[0],)).fetchone()
    return job_of(row)


def claim(
    db: sqlite3.Connection,
    ids: Sequence[str],
    owner: str,
    lease_s: float,
    *,
    max_crashes: int,
    now: float,
    is_dead: IsDead,
) -> list[Claim]:
    return [_claim_one(db, job_id, owner, lease_s, max_crashes, now, is_dead) for job_id in ids]


def _claim_one(
    db: sqlite3.Connection, job_id: str, owner: str, lease_s: float, max_crashes: int, now: float, is_dead: IsDead
) -> Claim:
    job = find_one(db, job_id)
    if job is None:
        return Claim(Claimed.MISSING, None)
    if job.status.is_terminal:
        return Claim(Claimed.TERMINAL, job)
    crashes = job.crashes
    if job.status is Status.RUNNING:
        if job.owner == owner:
            return Claim(Claimed.HERE, job)
        if job.lease_until is not None and job.lease_until > now:
            if job.owner is None or not is_dead(job.owner):
                return Claim(Claimed.ELSEWHERE, job)
            end_leases(db, job.owner, now)
        crashes += 1
        db.execute("UPDATE jobs SET crashes = ? WHERE id = ?", (crashes, job_id))
    ending = _ending(job, crashes, max_crashes, now)
    if ending is not None:
        end(db, job_id, job.attempts, ending, now)
        return Claim(Claimed.TERMINAL, find_one(db, job_id), is_end=True)
    if job.status is Status.QUEUED and job.not_before is not None and job.not_before > now:
        return Claim(Claimed.EARLY, job)
    started_at = now if job.started_at is None else job.started_at
    db.execute(
        "UPDATE jobs SET status = 'running', owner = ?, lease_until = ?, attempts = ?, updated_at = ?, started_at = ?"
        " WHERE id = ?",
        (owner, now + lease_s, job.attempts + 1, now, started_at, job_id),
    )
    mine = replace(  # what a second look at the row would find
        job, status=Status.RUNNING, owner=owner, lease_until=now + lease_s, attempts=job.attempts + 1, updated_at=now,
        started_at=started_at, crashes=crashes,
    )  # fmt: skip
    return Claim(Claimed.MINE, mine)


def end_leases(db: sqlite3.Connection, owner: str, now: float) -> None:
    """All that this owner holds, so that everybody who looks at a row sees that its worker is gone."""
    db.execute(
        "UPDATE jobs SET lease_until = ? WHERE status = 'running' AND owner = ? AND lease_until > ?", (now, owner, now)
    )


def _ending(job: Job, crashes: int, max_crashes: int, now: float) -> Outcome | None:
    """Why this job must not run any more, if so."""
    if job.cancel_requested_at is not None:
        return Outcome.of_error(Cancelled())
    if job.deadline is not None and job.deadline <= now:
        return Outcome.of_error(Expired())
    if crashes > max_crashes:
        message = f"its worker died {crashes} times under this job"
        return Outcome.of_error(Poison(message, details={"crashes": crashes}))
    return None


_END = "UPDATE jobs SET status = ?, outcome = ?, lease_until = NULL, finished_at = ?, updated_at = ? WHERE id = ?"


def end(db: sqlite3.Connection, job_id: str, attempt: int, outcome: Outcome, now: float) -> None:
    """Writes the terminal state of a row that is not terminal, its END event, and the dead letter of a poison job."""
    db.execute(_END, (outcome.status, encode_outcome(outcome), now, now, job_id))
    _tell_end(db, job_id, attempt, outcome, now)


def _tell_end(db: sqlite3.Connection, job_id: str, attempt: int, outcome: Outcome, now: float) -> None:
    add_event(db, job_id, attempt, EventKind.END, encode({"status": outcome.status, "code": outcome.code}), now)
    if outcome.code == Poison.code and outcome.error is not None and (job := find_one(db, job_id)) is not None:
        bury(db, queue=job.task, reason=outcome.error.message, body=encode(job.input), job_id=job_id, now=now)


_FINISH = (
    f"{_END} AND (status = 'running' AND owner = ? OR ? IS NULL AND status IN ('queued', 'running'))"
    " AND attempts = coalesce(?, attempts) RETURNING attempts"
)


def finish(db: sqlite3.Connection, finishes: Sequence[tuple[Finish, str]], now: float) -> list[bool]:
    """Each with its outcome as `encode_outcome` writes it: that needs no transaction."""
    return [_finish_one(db, each, text, now) for each, text in finishes]


def _finish_one(db: sqlite3.Connection, finish: Finish, text: str, now: float) -> bool:
    outcome, owner = finish.outcome, finish.owner
    values = (outcome.status, text, now, now, finish.job_id, owner, owner, finish.attempt)
    row = db.execute(_FINISH, values).fetchone()
    if row is not None:
        _tell_end(db, finish.job_id, row[0], outcome, now)
    return row is not None


def renew(db: sqlite3.Connection, ids: Sequence[str], owner: str, lease_s: float, now: float) -> list[Signal]:
    listed = json.dumps(list(ids))
    db.execute(
        "UPDATE jobs SET lease_until = ? WHERE status = 'running' AND owner = ?"
        " AND id IN (SELECT value FROM json_each(?))",
        (now + lease_s, owner, listed),
    )
    rows = db.execute(
        "SELECT id, status = 'running' AND owner = ?, cancel_requested_at IS NOT NULL, deadline FROM jobs"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (owner, listed),
    )
    found = {row[0]: Signal(row[0], not row[1], bool(row[2]), row[3]) for row in rows.fetchall()}
    return [found.get(each) or Signal(each, is_lost=True, cancel_requested=False, deadline=None) for each in ids]


def release(
    db: sqlite3.Connection, ids: Sequence[str], owner: str, *, not_before: float | None, count_attempt: bool, now: float
) -> None:
    for job_id in ids:
        row = db.execute(
            "UPDATE jobs SET status = 'queued', owner = NULL, lease_until = NULL, published_at = NULL, updated_at = ?,"
            " not_before = ?, attempts = attempts - ? WHERE id = ? AND status = 'running' AND owner = ?"
            " RETURNING attempts",
            (now, not_before, 0 if count_attempt else 1, job_id, owner),
        ).fetchone()
        if row is not None and _last_seq(db, job_id):
            # The next claim may carry the same attempt number, so the text starts anew by a snapshot.
            add_event(db, job_id, row[0], EventKind.SNAPSHOT, encode({"text": ""}), now)


def request_cancel(db: sqlite3.Connection, ids: Sequence[str], now: float) -> dict[str, Status]:
    found: dict[str, Status] = {}
    for job_id in ids:
        job = find_one(db, job_id)
        if job is None:
            continue
        found[job_id] = job.status
        if job.status is Status.QUEUED:
            end(db, job_id, job.attempts, Outcome.of_error(Cancelled()), now)
            found[job_id] = Status.CANCELLED
        elif job.status is Status.RUNNING and job.cancel_requested_at is None:
            db.execute("UPDATE jobs SET cancel_requested_at = ?, updated_at = ? WHERE id = ?", (now, now, job_id))
    return found


def append(
    db: sqlite3.Connection, job_id: str, attempt: int, events: Sequence[tuple[EventKind, str]], now: float
) -> int:
    """Events of a claim that no longer holds are dropped: nothing comes after END, no attempt writes into the next."""
    row = db.execute("SELECT attempts FROM jobs WHERE id = ? AND status = 'running'", (job_id,)).fetchone()
    if row is not None and row[0] == attempt:
        for kind, data in events:
            add_event(db, job_id, attempt, kind, data, now)
    return _last_seq(db, job_id)


def add_event(db: sqlite3.Connection, job_id: str, attempt: int, kind: EventKind, data: str, now: float) -> None:
    db.execute(
        "INSERT INTO events SELECT ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ? FROM events WHERE job_id = ?",
        (job_id, attempt, kind, data, now, job_id),
    )


def bury(db: sqlite3.Connection, *, queue: str, reason: str, body: str, job_id: str | None, now: float) -> None:
    db.execute(
        "INSERT INTO dead_letters (queue, reason, at, job_id, body) VALUES (?, ?, ?, ?, ?)",
        (queue, reason, now, job_id, body),
    )


def find_one(db: sqlite3.Connection, job_id: str) -> Job | None:
    row = db.execute(f"{SELECT_JOB} WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else job_of(row)


def _last_seq(db: sqlite3.Connection, job_id: str) -> int:
    number: int = db.execute("SELECT coalesce(max(seq), 0) FROM events WHERE job_id = ?", (job_id,)).fetchone()[0]
    return number
