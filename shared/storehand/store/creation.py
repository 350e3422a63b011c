"""New rows inside one transaction, and whether their tenants may have them. No clock in here."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence

from storehand.errors import IdempotencyConflict
from storehand.job import Job, NewJob
from storehand.payload import encode_input, job_fingerprint
from storehand.store import Limit
from storehand.store.admission import missing_tokens, quota_exceeded, rate_limited, tokens_now
from storehand.store.rows import ERASED_FINGERPRINT, SELECT_JOB, created, job_of

_INSERT = """
INSERT INTO jobs (id, task, status, tenant, priority, fingerprint, idempotency_key, created_at, updated_at,
                  not_before, deadline, batch, parent, experiment, trace, payload_ref, subject)
VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""


def create(db: sqlite3.Connection, jobs: Sequence[NewJob], limits: Mapping[str, Limit], now: float) -> list[Job]:
    """A refusal undoes the whole call, so it is enough to judge once the new rows are known."""
    rows, fresh, inputs = [], Counter[str](), list[tuple[int | None, str]]()
    cursor = db.cursor()
    for new in jobs:
        text = encode_input(new.input)
        print_ = job_fingerprint(new, text)
        if cursor.execute(_INSERT, _values(new, print_, now)).rowcount == 1:
            inputs.append((cursor.lastrowid, text))
            rows.append(created(new, now))
            fresh[new.tenant] += 1
        else:
            _write_inputs(db, inputs)  # the row that was there may be one of these
            rows.append(_first_row(db, new, print_))
    _write_inputs(db, inputs)
    for tenant, number in fresh.items():
        if (limit := limits.get(tenant)) is not None:
            _admit(db, tenant, number, limit, now)
    return rows


def _values(new: NewJob, print_: str, now: float) -> tuple[object, ...]:
    return (
        new.id, new.task, new.tenant, new.priority, print_, new.idempotency_key, now, now,
        new.not_before, new.deadline, new.batch, new.parent, new.experiment, new.trace, new.payload_ref, new.subject,
    )  # fmt: skip


def _write_inputs(db: sqlite3.Connection, inputs: list[tuple[int | None, str]]) -> None:
    db.executemany("INSERT INTO inputs (n, input) VALUES (?, ?)", inputs)
    inputs.clear()


def _first_row(db: sqlite3.Connection, new: NewJob, print_: str) -> Job:
    """The row that was there before, if it means the same job."""
    same_id = db.execute("SELECT id, task, fingerprint FROM jobs WHERE id = ?", (new.id,)).fetchone()
    first = (
        same_id
        or db.execute(
            "SELECT id, task, fingerprint FROM jobs WHERE tenant = ? AND task = ? AND idempotency_key = ?",
            (new.tenant, new.task, new.idempotency_key),
        ).fetchone()
    )
    if first[1] != new.task or first[2] not in (print_, ERASED_FINGERPRINT):
        named = f"the id {new.id!r}" if same_id else f"the idempotency key {new.idempotency_key!r}"
        raise IdempotencyConflict(f"{named} belongs to job {first[0]} with another input", details={"job_id": first[0]})
    row = db.execute(f"{SELECT_JOB} WHERE id = ?", (first[0],)).fetchone()
    return job_of(row)


def _admit(db: sqlite3.Connection, tenant: str, number: int, limit: Limit, now: float) -> None:
    """RateLimited or QuotaExceeded; `number` rows of this tenant were written in this transaction."""
    if limit.open_jobs is not None:
        count = "SELECT count(*) FROM jobs WHERE tenant = ? AND status IN ('queued', 'running')"
        open_jobs = db.execute(count, (tenant,)).fetchone()[0]
        if open_jobs > limit.open_jobs:
            raise quota_exceeded(tenant, open_jobs - number, number, limit)
    if limit.jobs_per_s is not None:
        bucket = db.execute("SELECT tokens, at FROM buckets WHERE tenant = ?", (tenant,)).fetchone()
        tokens = tokens_now(bucket[0], now - bucket[1], limit) if bucket else float(limit.burst)
        if missing := missing_tokens(tokens, number, limit):
            raise rate_limited(tenant, missing, limit)
        db.execute(
            "INSERT OR REPLACE INTO buckets (tenant, tokens, at) VALUES (?, ?, ?)", (tenant, tokens - number, now)
        )
