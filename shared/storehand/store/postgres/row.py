"""Rows of the PostgreSQL job store: read, changed in memory, and as the frozen jobs that callers see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from storehand.job import Job, Priority, Status
from storehand.store.rows import decode_outcome

_IN_INPUTS = ("input", "priority", "batch", "parent", "experiment", "trace", "payload_ref")
_FIELDS = tuple(field.name for field in fields(Job))

SELECT_JOB = (
    f"SELECT {', '.join(('i.' if name in _IN_INPUTS else 'j.') + name for name in _FIELDS)}"  # noqa: S608  # names above
    " FROM $.jobs j JOIN $.inputs i USING (n)"
)

STATE = (
    "n", "id", "task", "tenant", "status", "idempotency_key", "subject", "created_at", "updated_at", "published_at",
    "not_before", "deadline", "attempts", "crashes", "owner", "lease_until", "cancel_requested_at", "started_at",
    "finished_at", "last_seq", "history", "outcome",
)  # fmt: skip

COUNTED_AS = "coalesce(j.priority, (SELECT old.priority FROM $.inputs old WHERE old.n = j.n))"
"""Rows of a program one version behind have their priority only there."""

LOCK_ROWS = f"""
WITH j AS MATERIALIZED (SELECT {", ".join(STATE)}, priority FROM $.jobs WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE)
SELECT extract(epoch FROM clock_timestamp())::float8, pg_current_xact_id()::text,
       {", ".join(f"j.{name}" for name in STATE)}, {COUNTED_AS}, {", ".join(f"i.{name}" for name in _IN_INPUTS)}
FROM j LEFT JOIN $.inputs i ON i.n = j.n AND j.id = ANY(%(with_inputs)s)
"""  # noqa: S608  # names above
"""In the order of ids, so that two transactions with rows in common never wait for each other. The latest of the times
is one when all were locked: of two that wait for one row the later one has the later time."""

_LOCKED = (*STATE, "counted_as", *_IN_INPUTS)

_TYPES = {
    **dict.fromkeys(("n",), "bigint"),
    **dict.fromkeys(("attempts", "crashes", "last_seq"), "integer"),
    **dict.fromkeys((name for name in STATE if name.endswith("_at")), "float8"),
    **dict.fromkeys(("not_before", "deadline", "lease_until"), "float8"),
}


class Move(NamedTuple):
    """A row changed its status; `busy_s` is how long a worker had it, if one did."""

    before: str
    after: str
    busy_s: float


class Row:
    """One locked row, of LOCK_ROWS. Read its columns with `row["owner"]`, change them with `put`."""

    __slots__ = ("_values", "changed", "moves")

    def __init__(self, values: Sequence[Any]) -> None:
        self._values: dict[str, Any] = dict(zip(_LOCKED, values, strict=True))
        self.changed: set[str] = set()
        self.moves: list[Move] = []

    def __getitem__(self, column: str) -> Any:
        return self._values[column]

    def put(self, **values: Any) -> None:
        if values.get("status", self["status"]) != self["status"]:
            self.moves.append(self._move(values["status"], values["updated_at"]))
        self._values.update(values)
        self.changed.update(values)

    @property
    def status(self) -> Status:
        return Status(self._values["status"])

    @property
    def is_terminal(self) -> bool:
        return self._values["finished_at"] is not None

    def _move(self, status: str, now: float) -> Move:
        if self["status"] != Status.RUNNING:
            return Move(self["status"], status, 0.0)
        is_first = self["cancel_requested_at"] is not None and self["attempts"] == 1  # a cancel moves `updated_at`
        return Move(self["status"], status, max(0.0, now - self["started_at" if is_first else "updated_at"]))

    def job(self) -> Job:
        """As it stands now, changes included; for rows whose inputs were read."""
        return job_of(self._values)

    def only(self, columns: Sequence[str]) -> dict[str, Any]:
        return {"n": self._values["n"], **{name: self._values[name] for name in columns}}


def jobs_of(rows: Sequence[Sequence[Any]]) -> list[Job]:
    """Rows of SELECT_JOB."""
    return [job_of(dict(zip(_FIELDS, row, strict=True))) for row in rows]


def job_of(values: dict[str, Any]) -> Job:
    values = {name: values[name] for name in _FIELDS}
    values["input"] = json.loads(values["input"])
    values["status"] = Status(values["status"])
    values["priority"] = Priority(values["priority"])
    values["outcome"] = decode_outcome(values["outcome"])
    return Job(**values)


def update(columns: Sequence[str]) -> str:
    """Writes these columns of many rows that travel as one JSON array: one statement, whatever their number."""
    listed = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in ("n", *columns))
    settings = ", ".join(f"{name} = u.{name}" for name in columns)
    source = f"json_to_recordset(%s) AS u({listed})"
    return f"UPDATE $.jobs AS j SET {settings} FROM {source} WHERE j.n = u.n"  # noqa: S608  # names of columns
