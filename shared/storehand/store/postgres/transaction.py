"""One transaction: what it reads under locks, in one round trip, and what it writes, in another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from storehand.errors import StorehandError
from storehand.store.postgres.fresh import INSERT, KNOWN_BY_ID, KNOWN_BY_KEY, Bucket, Fresh
from storehand.store.postgres.leases import ERASE_INPUTS
from storehand.store.postgres.link import STATEMENT_S, Link
from storehand.store.postgres.row import LOCK_ROWS, READ_INPUTS, Row, update
from storehand.store.postgres.unit import Call, Late, Unit

_LIMITS = (
    "SELECT set_config('lock_timeout', '4s', true), set_config('statement_timeout', '5s', true),"
    " set_config('idle_in_transaction_session_timeout', '5s', true)"
)
"""For this transaction only: behind a pooler the session is not ours. A process that is stopped between its two round
trips loses its locks after five seconds."""

_BEGUN = "SELECT extract(epoch FROM clock_timestamp())::float8, pg_current_xact_id()::text"
"""After the locks: of two that wait for one row the later one has the later time."""

_NOT_TOO_LATE = "SELECT 1 / (extract(epoch FROM clock_timestamp())::float8 < %s)::int"
"""Undoes a transaction that a server carries out after its caller has given it up."""

_MAKE_BUCKETS = "INSERT INTO $.buckets (tenant) SELECT unnest(%s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING"
_LOCK_BUCKETS = "SELECT tenant, tokens, at FROM $.buckets WHERE tenant = ANY(%s) ORDER BY tenant FOR UPDATE"
_COUNT_OPEN = (
    "SELECT t.tenant, (SELECT count(*) FROM $.jobs j WHERE j.tenant = t.tenant AND j.finished_at IS NULL)"
    " FROM unnest(%s::text[]) AS t(tenant)"
)
_FILL_BUCKETS = (
    "UPDATE $.buckets AS b SET tokens = u.tokens, at = u.at"
    " FROM json_to_recordset(%s) AS u(tenant text, tokens float8, at float8) WHERE b.tenant = u.tenant"
)
_ADD_EVENTS = (
    "INSERT INTO $.events (n, seq, attempt, kind, data, at) SELECT * FROM json_to_recordset(%s)"
    " AS u(n bigint, seq integer, attempt integer, kind text, data text, at float8)"
)
_BURY = (
    "INSERT INTO $.dead_letters (queue, reason, at, job_id, task, body) VALUES (%s, %s, %s, %s::text, %s, coalesce(%s,"
    " (SELECT i.input FROM $.jobs j JOIN $.inputs i USING (n) WHERE j.id = %s), ''))"
)

Cursor = psycopg.Cursor[tuple[Any, ...]]


class Transaction:
    """May be run once. `xid` is set while the answer to its commit is due: without an answer the server has to be
    asked what became of it."""

    def __init__(self, calls: Sequence[Call[Any]], late: Late, *, clock: Callable[[], float] | None) -> None:
        self.calls = calls
        self.unit: Unit | None = None
        self.xid: str | None = None
        self.writes: Sequence[tuple[str, Sequence[object]]] = ()
        self.began: tuple[float, float] = (0.0, 0.0)
        """The server's clock, and ours (monotonic) once we knew it."""
        self._late = late
        self._clock = clock

    def run(self, link: Link) -> None:
        until = time.monotonic() + STATEMENT_S
        unit, xid = self._read(link)
        self.unit = unit
        for call in self.calls:
            call.error = None
            try:
                call.value = call.decide(unit)
            except StorehandError as error:
                call.error = error
        self.writes = _writes(unit)
        if not self.writes:
            link.run("ROLLBACK")
            return
        self.xid = xid
        valid_until = self.began[0] + until - self.began[1]
        with link.pipeline():
            for statement, values in self.writes:
                link.run(statement, values)
            link.run(_NOT_TOO_LATE, (valid_until,))
            link.run("COMMIT")
        self.xid = None

    def _read(self, link: Link) -> tuple[Unit, str]:
        ids = list({each for call in self.calls for each in call.ids})
        with_inputs = list({each for call in self.calls if call.needs_inputs for each in call.ids})
        with link.pipeline():
            link.run("BEGIN")
            link.run(_LIMITS)
            rows = link.run(LOCK_ROWS, (ids,)) if ids else None
            inputs = link.run(READ_INPUTS, (with_inputs,)) if with_inputs else None
            known, buckets, counts = self._read_for_new(link)
            begun = link.run(_BEGUN)
        found = {row["id"]: row for row in map(Row, rows.fetchall() if rows else ())}
        for job_id, *values in inputs.fetchall() if inputs else ():
            if job_id in found:
                found[job_id].take_inputs(values)
        [(now, xid)] = begun.fetchall()
        self.began = (now, time.monotonic())
        return Unit(self._clock() if self._clock else now, found, self._late, _fresh(known, buckets, counts)), xid

    def _read_for_new(self, link: Link) -> tuple[list[Cursor], Cursor | None, Cursor | None]:
        new = [row for call in self.calls for row in call.new]
        keyed = [row for row in new if row["idempotency_key"] is not None]
        limited = sorted({row["tenant"] for call in self.calls for row in call.new if row["tenant"] in call.limits})
        known = []
        buckets = counts = None
        if limited:
            link.run(_MAKE_BUCKETS, (limited,))
            buckets = link.run(_LOCK_BUCKETS, (limited,))
            counts = link.run(_COUNT_OPEN, (limited,))
        if new:
            known.append(link.run(KNOWN_BY_ID, ([row["id"] for row in new],)))
        if keyed:
            keys = [{name: row[name] for name in ("tenant", "task", "idempotency_key")} for row in keyed]
            known.append(link.run(KNOWN_BY_KEY, (_json(keys),)))
        return known, buckets, counts


def _fresh(known: Sequence[Cursor], buckets: Cursor | None, counts: Cursor | None) -> Fresh:
    fresh = Fresh()
    for cursor in known:
        fresh.learn(cursor.fetchall())
    if buckets is not None and counts is not None:
        open_jobs: dict[str, int] = dict(counts.fetchall())
        fresh.buckets = {tenant: Bucket(open_jobs[tenant], tokens, at) for tenant, tokens, at in buckets.fetchall()}
    return fresh


def _writes(unit: Unit) -> list[tuple[str, Sequence[object]]]:
    fresh = unit.fresh
    writes: list[tuple[str, Sequence[object]]] = []
    for columns, rows in sorted(unit.changes.items()):
        writes.append((update(columns), (_json([row.only(columns) for row in rows]),)))
    if unit.events:
        writes.append((_ADD_EVENTS, (_json(unit.events),)))
    for each in unit.letters:
        values = (each.queue, each.reason, unit.now, each.job_id, each.task, each.body, each.job_id)
        writes.append((_BURY, values))
    if fresh.inserts:
        writes.append((INSERT, (_json(fresh.inserts),)))
    if fresh.drawn:
        drawn = [(tenant, fresh.buckets[tenant]) for tenant in sorted(fresh.drawn)]
        filled = [{"tenant": tenant, "tokens": bucket.tokens, "at": bucket.at} for tenant, bucket in drawn]
        writes.append((_FILL_BUCKETS, (_json(filled),)))
    if unit.erased:
        numbers = [row["n"] for row in unit.erased]
        writes.append((ERASE_INPUTS, (numbers,)))
        writes.append(("DELETE FROM $.events WHERE n = ANY(%s)", (numbers,)))
        writes.append(("DELETE FROM $.dead_letters WHERE job_id = ANY(%s)", ([row["id"] for row in unit.erased],)))
    return writes


def _json(rows: Sequence[object]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
