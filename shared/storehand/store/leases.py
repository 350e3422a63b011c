"""The life of a row inside one transaction: created, claimed, renewed, handed back, ended. No clock in here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from storehand.errors import Cancelled, Expired, Poison
from storehand.job import EventKind, Job, NewNote, Outcome, Status
from storehand.store import Claim, Claimed, Finish, Signal
from storehand.store.notes import CANCEL_REQUESTED, claimed, crashed, encode_notes
from storehand.store.rows import JOB_OF_UPDATE, SELECT_JOB, encode, encode_outcome, job_of

IsDead = Callable[[str], bool]
"""Whether this owner of leases is known to be dead."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of a claim: for whom, how long, and after how many deaths no more."""

    owner: str
    lease_s: float
    max_crashes: int
    max_deaths: int | None
    is_dead: IsDead


def claim(db: sqlite3.Connection, ids: Sequence[str], terms: Terms, now: float) -> list[Claim]:
    fresh = _take_fresh(db, ids, terms, now) if len(ids) > 1 else {}
    return [
        _claim_one(db, job_id, terms, now) if (mine := fresh.pop(job_id, None)) is None else Claim(Claimed.MINE, mine)
        for job_id in ids
    ]


TAKE_FRESH = (  # `+` keeps SQLite from reading all that waits
    "UPDATE jobs SET status = 'running', owner = :owner, lease_until = :until, attempts = 1,"  # noqa: S608  # constants
    " updated_at = :now, started_at = coalesce(started_at, :now),"
    " history = CASE WHEN history IS NULL THEN :note ELSE add_lines(history, :note) END"
    " WHERE id IN (SELECT value FROM json_each(:ids)) AND +status = 'queued' AND attempts = 0 AND crashes = 0"
    " AND cancel_requested_at IS NULL AND (deadline IS NULL OR deadline > :now)"
    f" AND (not_before IS NULL OR not_before <= :now) RETURNING {JOB_OF_UPDATE}"
)


def _take_fresh(db: sqlite3.Connection, ids: Sequence[str], terms: Terms, now: float) -> dict[str, Job]:
    """Those that nothing speaks against, which are nearly all, by one statement."""
    note = encode_notes([claimed(terms.owner, 1)], now)
    values = {
        "ids": json.dumps(list(ids)),
        "owner": terms.owner,
        "until": now + terms.lease_s,
        "now": now,
        "note": note,
    }
    return {row[1]: job_of(row) for row in db.execute(TAKE_FRESH, values).fetchall()}


def _claim_one(db: sqlite3.Connection, job_id: str, terms: Terms, now: float) -> Claim:
    job = find_one(db, job_id)
    if job is None:
        return Claim(Claimed.MISSING, None)
    if job.status.is_terminal:
        return Claim(Claimed.TERMINAL, job)
    if job.status is Status.RUNNING:
        if job.owner == terms.owner:
            return Claim(Claimed.HERE, job)
        if job.lease_until is not None and job.lease_until > now and not (job.owner and terms.is_dead(job.owner)):
            return Claim(Claimed.ELSEWHERE, job)
    crashes = job.crashes + (job.status is Status.RUNNING)
    ending = _ending(job, crashes, terms.max_crashes, now)
    if ending is None:
        if job.status is Status.QUEUED and job.not_before is not None and job.not_before > now:
            return Claim(Claimed.EARLY, job)
        if terms.max_deaths is not None and crashes > terms.max_deaths:
            return Claim(Claimed.SUSPECT, job)
    if crashes > job.crashes:
        _count_crash(db, job, now)
    if ending is not None:
        end(db, job_id, job.attempts, ending, now)
        return Claim(Claimed.TERMINAL, find_one(db, job_id), is_end=True)
    return Claim(Claimed.MINE, _take(db, job, crashes, terms, now))


def _take(db: sqlite3.Connection, job: Job, crashes: int, terms: Terms, now: float) -> Job:
    mine = replace(  # what a second look at the row would find
        job, status=Status.RUNNING, owner=terms.owner, lease_until=now + terms.lease_s, attempts=job.attempts + 1,
        updated_at=now, started_at=now if job.started_at is None else job.started_at, crashes=crashes,
    )  # fmt: skip
    note = encode_notes([claimed(terms.owner, mine.attempts)], now)
    db.execute(
        "UPDATE jobs SET status = 'running', owner = ?, lease_until = ?, attempts = ?, updated_at = ?, started_at = ?,"
        " history = CASE WHEN history IS NULL THEN ?6 ELSE add_lines(history, ?6) END WHERE id = ?7",
        (mine.owner, mine.lease_until, mine.attempts, now, mine.started_at, note, job.id),
    )
    return mine


def _count_crash(db: sqlite3.Connection, job: Job, now: float) -> None:
    if job.owner is not None and job.lease_until is not None and job.lease_until > now:
        end_leases(db, job.owner, now)
    db.execute(
        "UPDATE jobs SET crashes = crashes + 1, history = add_lines(history, ?) WHERE id = ?",
        (encode_notes([crashed(job.owner)], now), job.id),
    )


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


_END = (
    "UPDATE jobs SET status = ?1, outcome = ?2, lease_until = NULL, finished_at = ?3, updated_at = ?3,"
    " history = CASE WHEN ?4 IS NULL THEN history ELSE add_lines(history, ?4) END WHERE id = ?5"
)


def end(
    db: sqlite3.Connection, job_id: str, attempt: int, outcome: Outcome, now: float, *, notes: Sequence[NewNote] = ()
) -> None:
    """Writes the terminal state of a row that is not terminal, its END event, and the dead letter of a poison job."""
    db.execute(_END, (outcome.status, encode_outcome(outcome), now, encode_notes(notes, now), job_id))
    _tell_end(db, job_id, attempt, outcome, now)


def _tell_end(db: sqlite3.Connection, job_id: str, attempt: int, outcome: Outcome, now: float) -> None:
    add_event(db, job_id, attempt, EventKind.END, _end_data(outcome.status, outcome.code), now)
    if outcome.code == Poison.code and outcome.error is not None and (job := find_one(db, job_id)) is not None:
        bury(
            db, queue=job.task, reason=outcome.error.message, body=encode(job.input), job_id=job_id, task=None, now=now
        )


@lru_cache(maxsize=64)
def _end_data(status: Status, code: str) -> str:
    return encode({"status": status, "code": code})


_FINISH = (
    f"{_END} AND (status = 'running' AND owner = ?6 OR ?6 IS NULL AND status IN ('queued', 'running'))"
    " AND attempts = coalesce(?7, attempts) RETURNING attempts"
)


def finish(db: sqlite3.Connection, finishes: Sequence[tuple[Finish, str]], now: float) -> list[bool]:
    """Each with its outcome as `encode_outcome` writes it: that needs no transaction."""
    return [_finish_one(db, each, text, now) for each, text in finishes]


def _finish_one(db: sqlite3.Connection, finish: Finish, text: str, now: float) -> bool:
    outcome, owner = finish.outcome, finish.owner
    notes = encode_notes(finish.notes, now)
    values = (outcome.status, text, now, notes, finish.job_id, owner, finish.attempt)
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
    db: sqlite3.Connection, ids: Sequence[str], owner: str, *, not_before: float | None, count_attempt: bool,
    note: NewNote | None, now: float,
) -> None:  # fmt: skip
    line = None if note is None else encode_notes([note], now)
    start = {"text": ""} if note is None else {"text": "", "reason": note.what}
    for job_id in ids:
        row = db.execute(
            "UPDATE jobs SET status = 'queued', owner = NULL, lease_until = NULL, published_at = NULL, updated_at = ?,"
            " not_before = ?, attempts = attempts - ?, history = add_lines(history, ?)"
            " WHERE id = ? AND status = 'running' AND owner = ? RETURNING attempts",
            (now, not_before, 0 if count_attempt else 1, line, job_id, owner),
        ).fetchone()
        if row is not None and _last_seq(db, job_id):
            # The next claim may carry the same attempt number, so the text starts anew by a snapshot.
            add_event(db, job_id, row[0], EventKind.SNAPSHOT, encode(start), now)


def request_cancel(db: sqlite3.Connection, ids: Sequence[str], now: float) -> dict[str, Status]:
    found: dict[str, Status] = {}
    for job_id in ids:
        job = find_one(db, job_id)
        if job is None:
            continue
        found[job_id] = job.status
        if job.status is Status.QUEUED:
            end(db, job_id, job.attempts, Outcome.of_error(Cancelled()), now, notes=[CANCEL_REQUESTED])
            found[job_id] = Status.CANCELLED
        elif job.status is Status.RUNNING and job.cancel_requested_at is None:
            db.execute(
                "UPDATE jobs SET cancel_requested_at = ?, updated_at = ?, history = add_lines(history, ?) WHERE id = ?",
                (now, now, encode_notes([CANCEL_REQUESTED], now), job_id),
            )
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


def tell(db: sqlite3.Connection, notes: Mapping[str, Sequence[NewNote]], now: float) -> None:
    rows = [(encode_notes(each, now), job_id) for job_id, each in notes.items()]
    db.executemany("UPDATE jobs SET history = add_lines(history, ?) WHERE id = ?", rows)


def bury(
    db: sqlite3.Connection, *, queue: str, reason: str, body: str, job_id: str | None, task: str | None, now: float
) -> None:
    db.execute(
        "INSERT INTO dead_letters (queue, reason, at, job_id, body, task) VALUES (?, ?, ?, ?, ?, ?)",
        (queue, reason, now, job_id, body, task),
    )


def find_one(db: sqlite3.Connection, job_id: str) -> Job | None:
    row = db.execute(f"{SELECT_JOB} WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else job_of(row)


def _last_seq(db: sqlite3.Connection, job_id: str) -> int:
    number: int = db.execute("SELECT coalesce(max(seq), 0) FROM events WHERE job_id = ?", (job_id,)).fetchone()[0]
    return number
