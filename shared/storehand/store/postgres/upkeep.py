"""What keeps the store in order: rows to ring again, old rows, dead letters, the leader. One statement each; all may be
repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from storehand.job import Job, Status
from storehand.store import DeadLetter, StoreStats, Swept, Upkeep
from storehand.store.postgres.link import Link
from storehand.store.postgres.row import SELECT_JOB, jobs_of
from storehand.store.state import UPKEEP_GRACE_S
from storehand.store.upkeep import LONG_UNCLAIMED

SLOW_S = 30.0
"""What these may take: some read all open jobs."""

T = TypeVar("T")


def in_bulk(link: Link, work: Callable[[Link], T]) -> T:
    """Other statements look for few rows and must not read whole tables; these may."""
    with link.transaction():
        link.run("SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true)")
        return work(link)


_SWEEP_CHUNK = 500
"""Rows deleted in one transaction: short locks, and a little work for autovacuum at a time."""

_MARK_KEPT_S = 7 * 86400
"""No process waits for so long to learn what became of its last transaction."""

_NOW = "(SELECT coalesce(%(now)s::float8, extract(epoch FROM clock_timestamp())::float8))"
"""The clock of tests, else the server's; a subquery: an index is of no use for what may change from row to row."""

_NEEDS_MESSAGE = """
j.finished_at IS NULL AND (
    j.status = 'queued' AND (j.not_before IS NULL OR j.not_before <= t.now) AND (
        -- never published: the producer gets its grace, unless the job was handed back or waited for its time
        j.published_at IS NULL
        AND (j.updated_at <= t.now - %(grace)s OR j.started_at IS NOT NULL OR j.not_before IS NOT NULL)
        OR j.published_at <= t.now - %(long)s
    )
    -- its worker is gone or hangs; one message per lost lease, then again only after a long time
    OR j.status = 'running' AND j.lease_until <= t.now - %(grace)s AND (
        j.published_at IS NULL OR j.published_at < j.lease_until + %(grace)s OR j.published_at <= t.now - %(long)s
    )
)
"""

_UNRUNG = f"""
{SELECT_JOB} CROSS JOIN (SELECT {_NOW} AS now) AS t WHERE {_NEEDS_MESSAGE}
ORDER BY j.status DESC, j.created_at LIMIT %(limit)s
"""  # running before queued: few workers die, but a broker may lose thousands of messages


_UPKEEP = f"""
SELECT (SELECT owner FROM $.leader WHERE until > {_NOW}), (SELECT count(*) FROM $.dead_letters), (
    SELECT count(*) FROM (
        SELECT FROM $.jobs j CROSS JOIN (SELECT {_NOW} AS now) AS t WHERE {_NEEDS_MESSAGE} LIMIT %(limit)s
    ) AS found
)
"""  # noqa: S608  # constants


def upkeep(link: Link, *, most_unrung: int, now: float | None) -> Upkeep:
    values = {"now": now, "grace": UPKEEP_GRACE_S, "long": LONG_UNCLAIMED * UPKEEP_GRACE_S, "limit": most_unrung}
    [(leader, letters, unrung)] = link.run(_UPKEEP, values).fetchall()
    return Upkeep(leader, unrung, letters)


def unrung(link: Link, *, grace_s: float, limit: int, now: float | None) -> list[Job]:
    values = {"now": now, "grace": grace_s, "long": LONG_UNCLAIMED * grace_s, "limit": limit}
    return jobs_of(link.run(_UNRUNG, values).fetchall())


_OVERDUE = (
    f"SELECT id FROM $.jobs WHERE finished_at IS NULL AND deadline <= {_NOW}"  # noqa: S608  # a constant
    " AND status = 'queued' LIMIT %(limit)s"
)


def overdue(link: Link, *, now: float | None, limit: int = 500) -> list[str]:
    return [row[0] for row in link.run(_OVERDUE, {"now": now, "limit": limit}).fetchall()]


_SWEEP = f"""
WITH old AS (
    SELECT n FROM $.jobs WHERE finished_at < {_NOW} - %(ttl)s LIMIT {_SWEEP_CHUNK} FOR UPDATE SKIP LOCKED
), letters AS (
    DELETE FROM $.dead_letters WHERE at < {_NOW} - %(ttl)s
), marks AS (
    DELETE FROM $.marks WHERE at < extract(epoch FROM clock_timestamp())::float8 - {_MARK_KEPT_S}
), events AS (
    DELETE FROM $.events WHERE n = ANY(ARRAY(SELECT n FROM old))
), inputs AS (
    DELETE FROM $.inputs WHERE n = ANY(ARRAY(SELECT n FROM old)) RETURNING payload_ref
), jobs AS (
    DELETE FROM $.jobs WHERE n = ANY(ARRAY(SELECT n FROM old)) RETURNING n
)
SELECT (SELECT count(*) FROM jobs), ARRAY(SELECT payload_ref FROM inputs WHERE payload_ref IS NOT NULL)
"""  # noqa: S608  # constants


def sweep_some(link: Link, *, result_ttl_s: float, now: float | None) -> Swept:
    """One chunk; no jobs when nothing old is left."""
    [(jobs, refs)] = link.run(_SWEEP, {"now": now, "ttl": result_ttl_s}).fetchall()
    return Swept(jobs, tuple(refs))


def find(
    link: Link,
    *,
    statuses: Iterable[Status],
    task: str | None,
    tenant: str | None,
    subject: str | None,
    limit: int,
) -> list[Job]:
    conditions, values = ["true"], list[object]()
    if wanted := [str(status) for status in statuses]:
        conditions.append("j.status = ANY(%s)")
        values.append(wanted)
        if not any(Status(each).is_terminal for each in wanted):
            conditions.append("j.finished_at IS NULL")  # what the index of open jobs is for
    for column, value in (("task", task), ("tenant", tenant), ("subject", subject)):
        if value is not None:
            conditions.append(f"j.{column} = %s")
            values.append(value)
    select = f"{SELECT_JOB} WHERE {' AND '.join(conditions)} ORDER BY n DESC LIMIT %s"
    return jobs_of(link.run(select, (*values, limit)).fetchall())


_LETTERS = "SELECT id, queue, reason, at, job_id, body, task FROM $.dead_letters"


def dead_letters(link: Link, limit: int, ids: Sequence[int] | None) -> list[DeadLetter]:
    if ids is None:
        rows = link.run(f"{_LETTERS} ORDER BY id DESC LIMIT %s", (limit,))
    else:
        rows = link.run(f"{_LETTERS} WHERE id = ANY(%s::bigint[]) ORDER BY id DESC LIMIT %s", (list(ids), limit))
    return [DeadLetter(*row) for row in rows.fetchall()]


def drop_dead(link: Link, ids: Sequence[int] | None) -> int:
    if ids is None:
        return link.run("DELETE FROM $.dead_letters").rowcount
    return link.run("DELETE FROM $.dead_letters WHERE id = ANY(%s::bigint[])", (list(ids),)).rowcount


_LEAD = f"""
INSERT INTO $.leader AS l VALUES (1, %(owner)s, {_NOW} + %(lease)s)
ON CONFLICT (one) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE l.owner = excluded.owner OR l.until <= {_NOW}
"""  # noqa: S608  # constants


def lead(link: Link, owner: str, lease_s: float, *, now: float | None) -> bool:
    return link.run(_LEAD, {"now": now, "owner": owner, "lease": lease_s}).rowcount == 1


_STATS = f"""
SELECT {_NOW} - (SELECT min(created_at) FROM $.jobs WHERE finished_at IS NULL AND status = 'queued'),
       (SELECT count(*) FROM $.dead_letters)
"""  # noqa: S608  # constants


def stats(link: Link, *, now: float | None) -> StoreStats:
    counts = dict(link.run("SELECT status, count(*) FROM $.jobs GROUP BY status").fetchall())
    [(age_s, letters)] = link.run(_STATS, {"now": now}).fetchall()
    return StoreStats(
        by_status={status: counts.get(str(status), 0) for status in Status},
        oldest_queued_age_s=None if age_s is None else max(0.0, age_s),
        dead_letters=letters,
    )
