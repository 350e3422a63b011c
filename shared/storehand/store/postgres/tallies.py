"""What waits, runs and has been done, by task and priority.

Every transaction adds what it changed to a row of its own process, in the same statement: nobody waits for another, and
the sums over all processes are right at every moment. A look reads those few rows, not the jobs.

A program one version behind counts nothing. Its marks tell that it was here; then, and in a store from before there
were counts, the open jobs are counted once, and what differs from the sums is kept under no process's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storehand.job import Priority, Status
from storehand.store.postgres.link import Link
from storehand.store.postgres.row import COUNTED_AS
from storehand.store.postgres.unit import Unit
from storehand.store.state import Tally

COUNTS = "t"
"""What the mark of a process begins with that adds to the counts; of others it is a hexadecimal digit."""

_FIELDS = ("queued", "running", "submitted", "finished", "busy_s")
_DIFFERENCE = ""
_FOLDED = "folded"
_RECOUNTED = "tallies"
"""The mark of the last recount."""

_MANY = 1000
"""Rows of processes; then those of processes that have been quiet for a while become one."""

_QUIET_S = 600.0
_RECOUNT_EVERY_S = 30.0
_COMMIT_S = 15.0
"""No transaction takes so long from its mark to its end."""

_COUNTS = _FIELDS[:-1]
_COUNTS_ADDED = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in _COUNTS)

ADD_TALLIES = f"""
INSERT INTO $.tallies AS t (shard, task, priority, {", ".join(_FIELDS)})
SELECT u.shard, u.task, u.priority, {", ".join(f"u.{name}" for name in _FIELDS)} FROM json_to_recordset(%s)
    AS u(shard text, task text, priority text, queued bigint, running bigint, submitted bigint, finished bigint,
         busy_s float8)
ON CONFLICT (shard, task, priority) DO UPDATE SET {_COUNTS_ADDED}, busy_s = t.busy_s + excluded.busy_s
"""  # noqa: S608  # names above

_BUSY_US = "sum(round(busy_s * 1e6)::bigint)"
"""In whole microseconds, which have one sum in every order. Floats have not, and rows change their places: the sum fell
in its last digit while no job ended, which Prometheus takes for a new start from 0."""


def deltas(unit: Unit) -> list[dict[str, Any]]:
    """What its decisions change, by task and priority. Pure."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for task, priority, changes in _changes(unit):
        sums = found.setdefault((task, priority), dict.fromkeys(_FIELDS, 0))
        for name, by in changes.items():
            sums[name] += by
    return [{"task": task, "priority": priority, **sums} for (task, priority), sums in sorted(found.items())]


def _changes(unit: Unit) -> Iterator[tuple[str, str, dict[str, float]]]:
    for row, inputs in unit.fresh.inserts:
        yield row["task"], inputs["priority"], {"queued": 1, "submitted": 1}
    for changed in unit.rows.values():
        for move in changed.moves:
            was_running = move.before == Status.RUNNING
            yield (
                changed["task"],
                changed["counted_as"],
                {
                    "queued": (move.after == Status.QUEUED) - (move.before == Status.QUEUED),
                    "running": (move.after == Status.RUNNING) - was_running,
                    "finished": int(was_running and move.after != Status.QUEUED),
                    "busy_s": move.busy_s,
                },
            )


_TALLIES = f"""
SELECT t.*, scheduled.number, oldest.due FROM (
    SELECT task, priority, {", ".join(f"sum({name})" for name in _COUNTS)}, {_BUSY_US}, sum(count(*)) OVER () AS rows
    FROM $.tallies GROUP BY task, priority
) AS t CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM $.jobs j WHERE j.finished_at IS NULL AND j.status = 'queued'
    AND j.task = t.task AND j.priority = t.priority AND greatest(j.created_at, j.not_before) > %(now)s
) AS scheduled CROSS JOIN LATERAL (
    -- a job that was handed back is due since then: the first few by creation are looked at
    SELECT min(greatest(first.updated_at, first.not_before)) AS due FROM (
        SELECT j.updated_at, j.not_before FROM $.jobs j WHERE j.finished_at IS NULL AND j.status = 'queued'
        AND j.task = t.task AND j.priority = t.priority AND greatest(j.created_at, j.not_before) <= %(now)s
        ORDER BY greatest(j.created_at, j.not_before) LIMIT 100
    ) AS first
) AS oldest ORDER BY t.task, t.priority
"""  # noqa: S608  # names above


def tallies(link: Link, *, now: float) -> list[Tally]:
    found = link.run(_TALLIES, {"now": now}).fetchall()
    if found and found[0][7] > _MANY:
        link.run(_FOLD, (_QUIET_S,))
    return [
        Tally(
            task, Priority(priority), waiting=int(queued) - scheduled, scheduled=scheduled, running=int(running),
            oldest_due_at=oldest if queued > scheduled else None, submitted=int(submitted), finished=int(finished),
            busy_s=int(busy_us) / 1e6,
        )
        for task, priority, queued, running, submitted, finished, busy_us, _, scheduled, oldest in found
    ]  # fmt: skip


_UP = "1.000000000000001"
"""From 14 years of slots on a float8 has no exact microseconds: what is folded then gains some and never loses any."""

_FOLD = f"""
WITH quiet AS (
    DELETE FROM $.tallies WHERE shard NOT IN ('{_DIFFERENCE}', '{_FOLDED}') AND NOT EXISTS (
        SELECT FROM $.marks WHERE nonce = shard AND at > extract(epoch FROM clock_timestamp())::float8 - %s
    ) RETURNING *
)
INSERT INTO $.tallies AS t (shard, task, priority, {", ".join(_FIELDS)})
SELECT '{_FOLDED}', task, priority, {", ".join(f"sum({name})" for name in _COUNTS)}, {_BUSY_US}::float8 / 1e6 * {_UP}
FROM quiet GROUP BY task, priority
ON CONFLICT (shard, task, priority) DO UPDATE SET {_COUNTS_ADDED},
    busy_s = (round(t.busy_s * 1e6) + round(excluded.busy_s * 1e6)) / 1e6 * {_UP}
"""  # noqa: S608  # names above

_IS_OFF = f"""
SELECT last.at IS NULL OR last.at < clock.now - {_RECOUNT_EVERY_S} AND EXISTS (
    SELECT FROM $.marks WHERE nonce NOT LIKE '{COUNTS}%%' AND at > last.at - {_COMMIT_S}
) FROM (SELECT extract(epoch FROM clock_timestamp())::float8 AS now) AS clock
LEFT JOIN $.marks AS last ON last.nonce = '{_RECOUNTED}'
"""  # noqa: S608  # constants

_GIVE_PRIORITY = """
UPDATE $.jobs AS j SET priority = i.priority FROM $.inputs i WHERE i.n = j.n AND j.n = ANY(ARRAY(
    SELECT n FROM $.jobs WHERE finished_at IS NULL AND priority IS NULL ORDER BY n LIMIT 2000 FOR UPDATE SKIP LOCKED
))
"""

_RECOUNT = f"""
WITH counted AS (
    SELECT task, priority, count(*) FILTER (WHERE status = 'queued') AS queued,
           count(*) FILTER (WHERE status = 'running') AS running
    FROM (SELECT j.task, j.status, {COUNTED_AS} AS priority FROM $.jobs j WHERE j.finished_at IS NULL) AS open
    GROUP BY task, priority
), sums AS (
    SELECT task, priority, sum(queued) AS queued, sum(running) AS running FROM $.tallies WHERE shard <> '{_DIFFERENCE}'
    GROUP BY task, priority
), mark AS (
    INSERT INTO $.marks AS m VALUES ('{_RECOUNTED}', 0, extract(epoch FROM statement_timestamp())::float8)
    ON CONFLICT (nonce) DO UPDATE SET at = excluded.at
)
INSERT INTO $.tallies AS t (shard, task, priority, queued, running)
SELECT '{_DIFFERENCE}', task, priority, coalesce(counted.queued, 0) - coalesce(sums.queued, 0),
       coalesce(counted.running, 0) - coalesce(sums.running, 0)
FROM counted FULL JOIN sums USING (task, priority)
ON CONFLICT (shard, task, priority) DO UPDATE SET queued = excluded.queued, running = excluded.running
"""  # noqa: S608  # constants
"""One statement sees jobs and sums as of one moment, so what is added meanwhile is added once."""


def is_off(link: Link) -> bool:
    """Whether somebody was at work who does not count."""
    row = link.run(_IS_OFF).fetchone()
    return row is not None and bool(row[0])


def recount(link: Link) -> None:
    link.run(_RECOUNT)


def give_priority(link: Link) -> int:
    """To some rows of a program that gave none; how many."""
    return link.run(_GIVE_PRIORITY).rowcount
