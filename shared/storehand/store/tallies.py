"""What waits, runs and has been done, by task and priority, and whether somebody reconciles. No clock in here.

Triggers keep the counts (schema.py), so a look costs the same with one row or a million; only jobs that wait for a time
of their own are counted one by one.
"""

from __future__ import annotations

import sqlite3

from storehand.job import Priority
from storehand.store.leases import IsDead
from storehand.store.state import MOST_UNRUNG, UPKEEP_GRACE_S, Tally, Upkeep
from storehand.store.upkeep import count_unrung

_DUE = "max(updated_at, coalesce(not_before, 0))"
_QUEUED = "jobs INDEXED BY jobs_due WHERE status = 'queued' AND task = t.task AND priority = t.priority"

_TALLIES = (
    "SELECT task, priority, queued, running, submitted, finished, busy_s,"  # noqa: S608  # constants
    f" (SELECT count(*) FROM {_QUEUED} AND {_DUE} > :now), (SELECT {_DUE} FROM {_QUEUED} ORDER BY {_DUE} LIMIT 1)"
    " FROM tallies AS t ORDER BY task, priority"
)


def tallies(db: sqlite3.Connection, *, now: float) -> list[Tally]:
    return [
        Tally(
            task, Priority(priority), waiting=queued - scheduled, scheduled=scheduled, running=running,
            oldest_due_at=oldest if queued > scheduled else None, submitted=submitted, finished=finished, busy_s=busy_s,
        )
        for task, priority, queued, running, submitted, finished, busy_s, scheduled, oldest in db.execute(
            _TALLIES, {"now": now}
        ).fetchall()
    ]  # fmt: skip


def upkeep(db: sqlite3.Connection, *, now: float, is_dead: IsDead) -> Upkeep:
    leader = db.execute("SELECT owner FROM leader WHERE until > ?", (now,)).fetchone()
    letters: int = db.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
    unrung = count_unrung(db, grace_s=UPKEEP_GRACE_S, limit=MOST_UNRUNG, now=now, is_dead=is_dead)
    return Upkeep(None if leader is None or is_dead(leader[0]) else leader[0], unrung, letters)
