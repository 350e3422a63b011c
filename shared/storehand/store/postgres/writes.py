"""All that a transaction writes, as one statement: each part is a branch of it, and rows travel as JSON arrays, so that
its text, its plan and its cost on the wire do not depend on how many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from storehand.store.postgres.fresh import INSERT_INPUTS, INSERT_JOBS
from storehand.store.postgres.row import update
from storehand.store.postgres.tallies import ADD_TALLIES, deltas
from storehand.store.postgres.unit import Unit
from storehand.store.rows import ERASED_FINGERPRINT

_NOT_TOO_LATE = "SELECT 1 / (extract(epoch FROM clock_timestamp())::float8 < %s)::int"
"""Undoes a transaction that a server carries out after its caller has given it up."""

_ADD_EVENTS = (
    "INSERT INTO $.events (n, seq, attempt, kind, data, at) SELECT * FROM json_to_recordset(%s)"
    " AS u(n bigint, seq integer, attempt integer, kind text, data text, at float8)"
)
_BURY = (
    "INSERT INTO $.dead_letters (queue, reason, at, job_id, task, body)"
    " SELECT u.queue, u.reason, u.at, u.job_id, u.task, coalesce(u.body, i.input, '')"
    " FROM json_to_recordset(%s)"
    " AS u(queue text, reason text, at float8, job_id text, task text, body text)"
    " LEFT JOIN $.jobs j ON u.body IS NULL AND j.id = u.job_id LEFT JOIN $.inputs i USING (n)"
)
_FILL_BUCKETS = (
    "UPDATE $.buckets AS b SET tokens = u.tokens, at = u.at"
    " FROM json_to_recordset(%s) AS u(tenant text, tokens float8, at float8) WHERE b.tenant = u.tenant"
)
_ERASE_INPUTS = (
    f"UPDATE $.inputs SET input = '{{}}', fingerprint = '{ERASED_FINGERPRINT}'"  # noqa: S608  # a constant
    ", payload_ref = NULL WHERE n = ANY(%s)"
)

_MARK = (
    "INSERT INTO $.marks AS m SELECT u.nonce, u.serial, extract(epoch FROM clock_timestamp())::float8"
    " FROM json_to_recordset(%s) AS u(nonce text, serial bigint)"
    " ON CONFLICT (nonce) DO UPDATE SET serial = excluded.serial, at = excluded.at"
)

Part = tuple[str, object]


class Mark(NamedTuple):
    """What a transaction leaves to be known by: whose it is, and its number there."""

    nonce: str
    serial: int


def write(unit: Unit, mark: Mark, *, valid_until: float) -> tuple[str, Sequence[object]]:
    """The statement and its values; "" when there is nothing to write. `valid_until` is by the server's clock."""
    parts = list(_parts(unit))
    if not parts:
        return "", ()
    if counted := deltas(unit):
        parts.append((ADD_TALLIES, _json([{"shard": mark.nonce, **each} for each in counted])))
    parts.append((_MARK, _json([mark._asdict()])))
    branches = ", ".join(
        f"{'made' if text is INSERT_JOBS else f'w{number}'} AS ({text})" for number, (text, _) in enumerate(parts)
    )
    return f"WITH {branches} {_NOT_TOO_LATE}", [*(value for _, value in parts), valid_until]


def _parts(unit: Unit) -> Iterator[Part]:
    """No two of them may touch one row: each sees the tables as they were before all."""
    erased = {row["n"]: row["id"] for row in unit.erased}
    for columns, rows in sorted(unit.changes.items()):
        yield update(columns), _json([row.only(columns) for row in rows])
    if events := [event for event in unit.events if event["n"] not in erased]:
        yield _ADD_EVENTS, _json(events)
    if letters := [letter for letter in unit.letters if letter["job_id"] not in erased.values()]:
        yield _BURY, _json(letters)
    if erased:
        yield _ERASE_INPUTS, list(erased)
        yield "DELETE FROM $.events WHERE n = ANY(%s)", list(erased)
        yield "DELETE FROM $.dead_letters WHERE job_id = ANY(%s)", list(erased.values())
    yield from _new_parts(unit)


def _new_parts(unit: Unit) -> Iterator[Part]:
    fresh = unit.fresh
    if fresh.inserts:
        yield INSERT_JOBS, _json([row for row, _ in fresh.inserts])
        yield INSERT_INPUTS, _json([inputs for _, inputs in fresh.inserts])
    if fresh.drawn:
        drawn = [(tenant, fresh.buckets[tenant]) for tenant in sorted(fresh.drawn)]
        yield _FILL_BUCKETS, _json([{"tenant": name, "tokens": each.tokens, "at": each.at} for name, each in drawn])


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
