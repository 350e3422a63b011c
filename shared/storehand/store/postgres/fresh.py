"""New rows inside one transaction: which were there before, and whether their tenants may have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storehand.errors import IdempotencyConflict, InvalidInput
from storehand.job import Job, NewJob
from storehand.payload import encode_input, job_fingerprint
from storehand.store import Limit
from storehand.store.admission import missing_tokens, quota_exceeded, rate_limited, tokens_now
from storehand.store.postgres.row import SELECT_JOB, jobs_of
from storehand.store.rows import ERASED_FINGERPRINT, created

_KNOWN = SELECT_JOB.replace("SELECT ", "SELECT i.fingerprint, ", 1)

KNOWN_BY_ID = f"{_KNOWN} WHERE j.id = ANY(%s)"
KNOWN_BY_KEY = (
    f"{_KNOWN} JOIN json_to_recordset(%s) AS k(tenant text, task text, idempotency_key text)"
    " ON j.tenant = k.tenant AND j.task = k.task AND j.idempotency_key = k.idempotency_key"
)

_STATE = (
    "id text, task text, tenant text, priority text, idempotency_key text, subject text, created_at float8,"
    " not_before float8, deadline float8"
)
_INPUT = (
    "input text, fingerprint text, priority text, batch text, parent text, experiment text, trace text,"
    " payload_ref text"
)


def _names(listed: str) -> str:
    return ", ".join(each.split()[0] for each in listed.split(","))


INSERT_JOBS = f"""
INSERT INTO $.jobs ({_names(_STATE)}, updated_at) SELECT {_names(_STATE)}, created_at
FROM ROWS FROM (json_to_recordset(%s) AS ({_STATE})) WITH ORDINALITY
ORDER BY tenant, task, idempotency_key, ordinality RETURNING n, id
"""  # noqa: S608  # names above
"""Keys in one order, so that two transactions with keys in common never wait for each other."""

INSERT_INPUTS = f"""
INSERT INTO $.inputs (n, {_names(_INPUT)}) SELECT made.n, {_names(_INPUT)}
FROM made JOIN json_to_recordset(%s) AS u(id text, {_INPUT}) USING (id)
"""  # noqa: S608  # names above
"""`made` is what INSERT_JOBS returns."""

Key = tuple[str, str, str]
NewRow = tuple[dict[str, Any], dict[str, Any]]
"""What becomes a row of `jobs`, and of `inputs`."""


@dataclass(slots=True)
class Bucket:
    """What a tenant that has limits stands at, locked."""

    open_jobs: int
    tokens: float | None
    at: float | None


@dataclass(slots=True)
class Fresh:
    """Rows that exist already with the fingerprints of their inputs, and what was decided to insert."""

    by_id: dict[str, tuple[str, Job]] = field(default_factory=dict)
    by_key: dict[Key, tuple[str, Job]] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    inserts: list[NewRow] = field(default_factory=list)
    drawn: set[str] = field(default_factory=set)
    """Tenants whose bucket was changed."""

    def learn(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            [job] = jobs_of([row[1:]])
            self._know(row[0], job)

    def create(self, rows: Sequence[NewRow], news: Sequence[NewJob], limits: Mapping[str, Limit], now: float
    ) -> list[Job]:  # fmt: skip
        """All or none: nothing is kept before everything is judged."""
        mine = Fresh()
        jobs = [self._create_one(mine, row, new, now) for row, new in zip(rows, news, strict=True)]
        fresh = Counter(row["tenant"] for row, _ in mine.inserts)
        drawn = {
            tenant: self._admit(tenant, number, limits[tenant], now)
            for tenant, number in fresh.items()
            if tenant in limits
        }
        for tenant, bucket in drawn.items():
            self.buckets[tenant] = bucket
            self.drawn.add(tenant)
        self.by_id |= mine.by_id
        self.by_key |= mine.by_key
        self.inserts += mine.inserts
        return jobs

    def _create_one(self, mine: Fresh, row: NewRow, new: NewJob, now: float) -> Job:
        same_id = mine.by_id.get(new.id) or self.by_id.get(new.id)
        key = _key(new)
        first = same_id or (key and (mine.by_key.get(key) or self.by_key.get(key)))
        if first:
            return _same(first, new, row[1]["fingerprint"], is_by_id=bool(same_id))
        job = created(new, now)
        mine._know(row[1]["fingerprint"], job)
        mine.inserts.append(({**row[0], "created_at": now}, row[1]))
        return job

    def _admit(self, tenant: str, number: int, limit: Limit, now: float) -> Bucket:
        bucket = self.buckets[tenant]
        open_jobs = bucket.open_jobs + number
        if limit.open_jobs is not None and open_jobs > limit.open_jobs:
            raise quota_exceeded(tenant, bucket.open_jobs, number, limit)
        if limit.jobs_per_s is None:
            return Bucket(open_jobs, bucket.tokens, bucket.at)
        tokens = float(limit.burst)
        if bucket.tokens is not None and bucket.at is not None:
            tokens = tokens_now(bucket.tokens, now - bucket.at, limit)
        if missing := missing_tokens(tokens, number, limit):
            raise rate_limited(tenant, missing, limit)
        return Bucket(open_jobs, tokens - number, now)

    def _know(self, fingerprint: str, job: Job) -> None:
        self.by_id[job.id] = (fingerprint, job)
        if job.idempotency_key is not None:
            self.by_key[job.tenant, job.task, job.idempotency_key] = (fingerprint, job)


def row_of(new: NewJob) -> NewRow:
    """All of a new row but its times. InvalidInput for what the database can't store."""
    text = encode_input(new.input)
    row = {
        "id": new.id, "task": new.task, "tenant": new.tenant, "priority": str(new.priority),
        "idempotency_key": new.idempotency_key, "subject": new.subject, "not_before": new.not_before,
        "deadline": new.deadline,
    }  # fmt: skip
    inputs = {
        "id": new.id, "input": text, "fingerprint": job_fingerprint(new, text), "priority": str(new.priority),
        "batch": new.batch, "parent": new.parent, "experiment": new.experiment, "trace": new.trace,
        "payload_ref": new.payload_ref,
    }  # fmt: skip
    for name, value in (*row.items(), *inputs.items()):
        if isinstance(value, str) and not is_storable(value):
            raise InvalidInput(f"the {name} of a job holds a NUL or half a surrogate pair: no text")
    return row, inputs


def is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL, UTF-8 no half surrogate pairs."""
    if "\0" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _key(new: NewJob) -> Key | None:
    return None if new.idempotency_key is None else (new.tenant, new.task, new.idempotency_key)


def _same(first: tuple[str, Job], new: NewJob, print_: str, *, is_by_id: bool) -> Job:
    """The row that was there before, if it means the same job."""
    known, job = first
    if job.task != new.task or known not in (print_, ERASED_FINGERPRINT):
        named = f"the id {new.id!r}" if is_by_id else f"the idempotency key {new.idempotency_key!r}"
        raise IdempotencyConflict(f"{named} belongs to job {job.id} with another input", details={"job_id": job.id})
    return job
