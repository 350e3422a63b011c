"""What waits, runs and has been done, by task and priority, and whether somebody reconciles. No clock in here.

Triggers keep the counts (schema.py), so a look costs the same with one row or a million. Only what runs, and what waits
for a time of its own, is counted row by row, in the index.
"""

from __future__ import annotations

import sqlite3

from storehand.job import Priority
from storehand.store.leases import IsDead
from storehand.store.state import UPKEEP_GRACE_S, Tally, Upkeep
from storehand.store.upkeep import count_unrung

_DUE = "max(updated_at, coalesce(not_before, 0))"
_QUEUED = (
    "jobs INDEXED BY jobs_status WHERE status = 'queued' AND tenant = tenants.name AND task = t.task"
    " AND priority = t.priority"
)

_TALLIES = f"""
WITH RECURSIVE tenants (name) AS (  -- from one to the next in the index, past all their jobs
    SELECT min(tenant) FROM jobs WHERE status = 'queued' UNION ALL
    SELECT (SELECT min(tenant) FROM jobs WHERE status = 'queued' AND tenant > name) FROM tenants WHERE name IS NOT NULL
), running AS (
    SELECT task, priority, count(*) AS number FROM jobs INDEXED BY jobs_status WHERE status = 'running'
    GROUP BY task, priority
), queued AS (
    SELECT task, priority, sum((SELECT count(*) FROM {_QUEUED} AND {_DUE} > :now)) AS scheduled,
           min((SELECT {_DUE} FROM {_QUEUED} ORDER BY {_DUE} LIMIT 1)) AS oldest
    FROM tenants CROSS JOIN tallies AS t WHERE t.open > 0 AND name IS NOT NULL GROUP BY task, priority
)
SELECT task, priority, open, coalesce(number, 0), coalesce(scheduled, 0), oldest, submitted, finished, busy_s
FROM tallies LEFT JOIN running USING (task, priority) LEFT JOIN queued USING (task, priority) ORDER BY task, priority
"""  # noqa: S608  # constants


def tallies(db: sqlite3.Connection, *, now: float) -> list[Tally]:
    return [
        Tally(
            task, Priority(priority), waiting=open_ - running - scheduled, scheduled=scheduled, running=running,
            oldest_due_at=oldest if oldest is not None and oldest <= now else None, submitted=submitted,
            finished=finished, busy_s=busy_s,
        )
        for task, priority, open_, running, scheduled, oldest, submitted, finished, busy_s in db.execute(
            _TALLIES, {"now": now}
        ).fetchall()
    ]  # fmt: skip


def upkeep(db: sqlite3.Connection, *, most_unrung: int, now: float, is_dead: IsDead) -> Upkeep:
    leader = db.execute("SELECT owner FROM leader WHERE until > ?", (now,)).fetchone()
    letters: int = db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
    unrung = count_unrung(db, grace_s=UPKEEP_GRACE_S, limit=most_unrung, now=now, is_dead=is_dead)
    return Upkeep(None if leader is None or is_dead(leader[0]) else leader[0], unrung, letters)
