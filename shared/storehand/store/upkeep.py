"""What keeps the store in order: rows to ring again, old rows, dead letters, the leader. No clock here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from storehand.errors import Expired
from storehand.job import Job, Outcome, Status
from storehand.store import DeadLetter, StoreStats, Swept
from storehand.store.leases import IsDead, end, end_leases
from storehand.store.rows import SELECT_JOB, job_of

_SWEEP_CHUNK = 500
"""Rows deleted in one transaction: a claim must not wait behind a week of old jobs."""

LONG_UNCLAIMED = 100
"""A published job that nobody claims for this many grace periods is rung again."""


_DUE = "(not_before IS NULL OR not_before <= :now)"
_OF_DEAD = "status = 'running' AND owner IN (SELECT value FROM json_each(:dead))"

_NEEDS_MESSAGE = (  # with the index each is made for: by its own choice SQLite read all that waits, at every look
    # its worker is dead: one message since its claim, at once
    f"jobs_leased WHERE {_OF_DEAD}"
    " AND (published_at IS NULL OR published_at <= updated_at OR published_at <= :now - :long)"
    " ORDER BY lease_until",
    # its worker is gone or hangs; one message per lost lease, then again only after a long time
    f"jobs_leased WHERE status = 'running' AND lease_until <= :now - :grace AND NOT ({_OF_DEAD})"
    " AND (published_at IS NULL OR published_at < lease_until + :grace OR published_at <= :now - :long)"
    " ORDER BY lease_until",
    f"jobs_published WHERE status = 'queued' AND published_at <= :now - :long AND {_DUE} ORDER BY published_at",
    # never published: the producer gets its grace, unless the job was handed back or waited for its time
    f"jobs_unpublished WHERE status = 'queued' AND published_at IS NULL AND {_DUE}"
    " AND (updated_at <= :now - :grace OR started_at IS NOT NULL OR not_before IS NOT NULL) ORDER BY updated_at",
)
"""In this order: few workers die, but a broker may lose thousands of messages."""


def unrung(db: sqlite3.Connection, *, grace_s: float, limit: int, now: float, is_dead: IsDead) -> list[Job]:
    values = _terms(db, grace_s=grace_s, limit=limit, now=now, is_dead=is_dead)
    found: list[Job] = []
    for condition in _NEEDS_MESSAGE:
        select = f"{SELECT_JOB} WHERE n IN (SELECT n FROM jobs INDEXED BY {condition} LIMIT :limit)"  # noqa: S608  # constants
        found += [job_of(row) for row in db.execute(select, values).fetchall()]
    return found[:limit]


def count_unrung(db: sqlite3.Connection, *, grace_s: float, limit: int, now: float, is_dead: IsDead) -> int:
    """How many `unrung` would return, without reading their inputs."""
    values = _terms(db, grace_s=grace_s, limit=limit, now=now, is_dead=is_dead)
    counts = (f"(SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY {each} LIMIT :limit))" for each in _NEEDS_MESSAGE)  # noqa: S608  # constants
    total: int = db.execute(f"SELECT {' + '.join(counts)}", values).fetchone()[0]
    return min(total, limit)


def _terms(db: sqlite3.Connection, *, grace_s: float, limit: int, now: float, is_dead: IsDead) -> dict[str, object]:
    dead = json.dumps([owner for owner in _running_owners(db) if is_dead(owner)])
    return {"now": now, "grace": grace_s, "long": LONG_UNCLAIMED * grace_s, "limit": limit, "dead": dead}


def end_leases_of_dead(db: sqlite3.Connection, *, is_dead: IsDead, now: float) -> set[str]:
    """Returns the owners, dead or alive, whose names still stand in the store."""
    running = _running_owners(db)
    for owner in running:
        if is_dead(owner):
            end_leases(db, owner, now)
    return {*running, *(row[0] for row in db.execute("SELECT owner FROM leader").fetchall())}


def _running_owners(db: sqlite3.Connection) -> list[str]:
    select = "SELECT DISTINCT owner FROM jobs INDEXED BY jobs_leased WHERE status = 'running' AND owner IS NOT NULL"
    return [row[0] for row in db.execute(select).fetchall()]


def expire_overdue(db: sqlite3.Connection, *, now: float, limit: int = 500) -> list[Job]:
    overdue = "jobs INDEXED BY jobs_deadline WHERE status = 'queued' AND deadline IS NOT NULL AND deadline <= ? LIMIT ?"
    select = f"{SELECT_JOB} WHERE n IN (SELECT n FROM {overdue})"  # noqa: S608  # constants
    jobs = [job_of(row) for row in db.execute(select, (now, limit)).fetchall()]
    for job in jobs:
        end(db, job.id, job.attempts, Outcome.of_error(Expired()), now)
    by_id = [db.execute(f"{SELECT_JOB} WHERE id = ?", (job.id,)).fetchone() for job in jobs]
    return [job_of(row) for row in by_id]


def sweep_some(db: sqlite3.Connection, *, before: float) -> Swept:
    """One chunk; no jobs when nothing old is left."""
    select = "SELECT n, id, payload_ref FROM jobs WHERE finished_at < ? LIMIT ?"
    rows = db.execute(select, (before, _SWEEP_CHUNK)).fetchall()
    db.executemany("DELETE FROM events WHERE job_id = ?", [(row[1],) for row in rows])
    db.executemany("DELETE FROM inputs WHERE n = ?", [(row[0],) for row in rows])
    db.executemany("DELETE FROM jobs WHERE n = ?", [(row[0],) for row in rows])
    db.execute("DELETE FROM dead_letters WHERE at < ?", (before,))
    return Swept(len(rows), tuple(row[2] for row in rows if row[2] is not None))


def find(
    db: sqlite3.Connection,
    *,
    statuses: Iterable[Status],
    task: str | None,
    tenant: str | None,
    subject: str | None,
    limit: int,
) -> list[Job]:
    conditions, values = ["1"], list[object]()
    if wanted := [str(status) for status in statuses]:
        conditions.append(f"status IN ({', '.join('?' * len(wanted))})")
        values += wanted
    for column, value in (("task", task), ("tenant", tenant), ("subject", subject)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    some = f"SELECT n FROM jobs WHERE {' AND '.join(conditions)} ORDER BY n DESC LIMIT ?"  # noqa: S608  # names above
    select = f"{SELECT_JOB} WHERE n IN ({some}) ORDER BY n DESC"  # whole rows are read once it is known which
    return [job_of(row) for row in db.execute(select, (*values, limit)).fetchall()]


def dead_letters(db: sqlite3.Connection, limit: int, ids: Sequence[int] | None) -> list[DeadLetter]:
    select = (
        "SELECT id, queue, reason, at, job_id, body, task FROM dead_letters"
        " WHERE :ids IS NULL OR id IN (SELECT value FROM json_each(:ids)) ORDER BY id DESC LIMIT :limit"
    )
    values = {"ids": None if ids is None else json.dumps(list(ids)), "limit": limit}
    return [DeadLetter(*row) for row in db.execute(select, values).fetchall()]


def drop_dead(db: sqlite3.Connection, ids: Sequence[int] | None) -> int:
    if ids is None:
        return db.execute("DELETE FROM dead_letters").rowcount
    return db.execute(
        "DELETE FROM dead_letters WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
    ).rowcount


def lead(db: sqlite3.Connection, owner: str, lease_s: float, *, now: float, is_dead: IsDead) -> bool:
    leader = db.execute("SELECT owner FROM leader WHERE owner <> ? AND until > ?", (owner, now)).fetchone()
    if leader is not None and is_dead(leader[0]):
        db.execute("DELETE FROM leader")
    cursor = db.execute(
        "INSERT INTO leader VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET owner = excluded.owner,"
        " until = excluded.until WHERE owner = excluded.owner OR until <= ?",
        (owner, now + lease_s, now),
    )
    return cursor.rowcount == 1


def stats(db: sqlite3.Connection, *, now: float) -> StoreStats:
    counts = dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
    oldest = db.execute("SELECT min(created_at) FROM jobs WHERE status = 'queued'").fetchone()[0]
    letters = db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
    return StoreStats(
        by_status={status: counts.get(str(status), 0) for status in Status},
        oldest_queued_age_s=None if oldest is None else max(0.0, now - oldest),
        dead_letters=letters,
    )
