"""One transaction: what it reads under locks, in one round trip, and what it writes, in another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from storehand.errors import StorehandError
from storehand.store.postgres.fresh import KNOWN_BY_ID, KNOWN_BY_KEY, Bucket, Fresh
from storehand.store.postgres.link import Link
from storehand.store.postgres.row import LOCK_ROWS, Row
from storehand.store.postgres.unit import Call, Late, Unit
from storehand.store.postgres.writes import Mark, write

_BEGUN = "SELECT extract(epoch FROM clock_timestamp())::float8, pg_current_xact_id()::text"

_MAKE_BUCKETS = "INSERT INTO $.buckets (tenant) SELECT unnest(%s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING"
_LOCK_BUCKETS = "SELECT tenant, tokens, at FROM $.buckets WHERE tenant = ANY(%s) ORDER BY tenant FOR UPDATE"
_COUNT_OPEN = (
    "SELECT t.tenant, (SELECT count(*) FROM (SELECT FROM $.jobs j WHERE j.tenant = t.tenant AND j.finished_at IS NULL"
    " LIMIT t.most) AS o) FROM unnest(%s::text[], %s::bigint[]) AS t(tenant, most)"
)
"""No further than it matters."""

Cursor = psycopg.Cursor[tuple[Any, ...]]


class Transaction:
    """May be run once. `xid` is set while the answer to its commit is due: without an answer the server has to be
    asked what became of it."""

    def __init__(
        self, calls: Sequence[Call[Any]], late: Late, mark: Mark, *, clock: Callable[[], float] | None
    ) -> None:
        self.calls = calls
        self.mark = mark
        self.unit: Unit | None = None
        self.xid: str | None = None
        self.is_sent = False
        """Whether it has asked for something to be written."""
        self.began: tuple[float, float] = (0.0, 0.0)
        """The server's clock, and ours (monotonic) once we knew it."""
        self._late = late
        self._clock = clock

    def run(self, link: Link) -> None:
        unit, xid = self._read(link)
        for call in self.calls:
            call.error = None
            try:
                call.value = call.decide(unit)
            except StorehandError as error:
                call.error = error
        self.unit = unit
        statement, values = write(unit, self.mark, valid_until=self.began[0] + link.left_s)
        if not statement:
            link.run("ROLLBACK")
            return
        self.xid, self.is_sent = xid, True
        with link.pipeline():
            link.run(statement, values)
            link.run("COMMIT")
        self.xid = None

    def _read(self, link: Link) -> tuple[Unit, str]:
        ids = list({each for call in self.calls for each in call.ids})
        with_inputs = list({each for call in self.calls if call.needs_inputs for each in call.ids})
        with link.pipeline():
            link.begin()
            rows = link.run(LOCK_ROWS, {"ids": ids, "with_inputs": with_inputs}) if ids else None
            known, buckets, counts = self._read_for_new(link)
            begun = link.run(_BEGUN) if rows is None or known else None
        found, times = dict[str, Row](), list[tuple[float, str]]()
        for now, xid, *values in rows.fetchall() if rows else ():
            row = Row(values)
            found[row["id"]] = row
            times.append((now, xid))
        if begun is None and not times:
            begun = link.run(_BEGUN)
        now, xid = max(times + (begun.fetchall() if begun else []))
        self.began = (now, time.monotonic())
        return Unit(self._clock() if self._clock else now, found, self._late, _fresh(known, buckets, counts)), xid

    def _read_for_new(self, link: Link) -> tuple[list[Cursor], Cursor | None, Cursor | None]:
        new = [row for call in self.calls for row, _ in call.new]
        keyed = [row for row in new if row["idempotency_key"] is not None]
        limited = _limits(self.calls)
        known = []
        buckets = counts = None
        if limited:
            tenants = sorted(limited)
            link.run(_MAKE_BUCKETS, (tenants,))
            buckets = link.run(_LOCK_BUCKETS, (tenants,))
            counts = link.run(_COUNT_OPEN, (tenants, [limited[tenant] for tenant in tenants]))
        if new:
            known.append(link.run(KNOWN_BY_ID, ([row["id"] for row in new],)))
        if keyed:
            keys = [{name: row[name] for name in ("tenant", "task", "idempotency_key")} for row in keyed]
            known.append(link.run(KNOWN_BY_KEY, (json.dumps(keys),)))
        return known, buckets, counts


def _limits(calls: Sequence[Call[Any]]) -> dict[str, int]:
    """Tenants that have limits here, and up to how many open jobs have to be counted."""
    found: dict[str, int] = {}
    for call in calls:
        for tenant in {row["tenant"] for row, _ in call.new} & call.limits.keys():
            most = call.limits[tenant].open_jobs
            found[tenant] = max(found.get(tenant, 0), 0 if most is None else most + 1)
    return found


def _fresh(known: Sequence[Cursor], buckets: Cursor | None, counts: Cursor | None) -> Fresh:
    fresh = Fresh()
    for cursor in known:
        fresh.learn(cursor.fetchall())
    if buckets is not None and counts is not None:
        open_jobs: dict[str, int] = dict(counts.fetchall())
        fresh.buckets = {tenant: Bucket(open_jobs[tenant], tokens, at) for tenant, tokens, at in buckets.fetchall()}
    return fresh
