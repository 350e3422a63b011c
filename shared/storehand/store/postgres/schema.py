"""The tables of the PostgreSQL job store and how older ones become newer ones.

Columns and tables are only ever added, with a default: a program one version behind keeps working beside a newer one.
No index names a column that changes while a job is open, so claims, renewals and marks are HOT updates: they write no
index and need no vacuum; half of a page is left free, so that a batch may update every row on it. A job's input and
what never changes lie in a table of their own, because PostgreSQL writes a whole new row for every update.
"""

from __future__ import annotations

from psycopg import errors

from storehand.errors import SettingsError
from storehand.store.postgres.link import Link

_FIRST = """
CREATE TABLE $.jobs (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    task text NOT NULL,
    tenant text NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    idempotency_key text,
    subject text,
    created_at float8 NOT NULL,
    updated_at float8 NOT NULL,
    published_at float8,
    not_before float8,
    deadline float8,
    attempts integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    owner text,
    lease_until float8,
    cancel_requested_at float8,
    started_at float8,
    finished_at float8,
    last_seq integer NOT NULL DEFAULT 0,
    history text,
    outcome text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE UNIQUE INDEX jobs_id ON $.jobs (id);
CREATE UNIQUE INDEX jobs_key ON $.jobs (tenant, task, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_open ON $.jobs (tenant) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON $.jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_subject ON $.jobs (subject) WHERE subject IS NOT NULL;
CREATE TABLE $.inputs (
    n bigint PRIMARY KEY,
    input text NOT NULL,
    fingerprint text NOT NULL,
    priority text NOT NULL,
    batch text,
    parent text,
    experiment text,
    trace text,
    payload_ref text
);
CREATE TABLE $.events (
    n bigint NOT NULL,
    seq integer NOT NULL,
    attempt integer NOT NULL,
    kind text NOT NULL,
    data text NOT NULL,
    at float8 NOT NULL,
    PRIMARY KEY (n, seq)
);
CREATE TABLE $.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    reason text NOT NULL,
    at float8 NOT NULL,
    job_id text,
    task text,
    body text NOT NULL
);
CREATE INDEX dead_letters_job ON $.dead_letters (job_id) WHERE job_id IS NOT NULL;
CREATE TABLE $.buckets (tenant text PRIMARY KEY, tokens float8, at float8) WITH (fillfactor = 50);
CREATE TABLE $.leader (one integer PRIMARY KEY CHECK (one = 1), owner text NOT NULL, until float8 NOT NULL)
    WITH (fillfactor = 50);
"""

_MARKS = """
CREATE TABLE $.marks (nonce text PRIMARY KEY, serial bigint NOT NULL, at float8 NOT NULL) WITH (fillfactor = 50);
"""  # the last transaction of each process

_TALLIES = """
CREATE TABLE $.tallies (
    shard text NOT NULL,
    task text NOT NULL,
    priority text NOT NULL,
    queued bigint NOT NULL DEFAULT 0,
    running bigint NOT NULL DEFAULT 0,
    submitted bigint NOT NULL DEFAULT 0,
    finished bigint NOT NULL DEFAULT 0,
    busy_s float8 NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, task, priority)
) WITH (fillfactor = 50);
ALTER TABLE $.jobs ADD COLUMN priority text;
CREATE INDEX jobs_due ON $.jobs (task, priority, greatest(created_at, not_before)) WHERE finished_at IS NULL;
"""  # what a claim changes is not in this index either

MIGRATIONS: tuple[str, ...] = (_FIRST, _MARKS, _TALLIES)
"""Step i leads from version i to i + 1. Append only."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('storehand ' || %s, 0))"
_MIGRATION_S = 60.0


def migrate(link: Link) -> None:
    """Brings the schema to this program's version; SettingsError for one that is too new. Safe to race."""
    if (version := _version(link)) < len(MIGRATIONS):
        link.allow(_MIGRATION_S)
        version = _bring_up(link)
    if version > len(MIGRATIONS) + 1:
        raise SettingsError(
            f"the job store has schema version {version}, this program knows {len(MIGRATIONS)} and can work beside one"
            " version more: update the program"
        )


def _bring_up(link: Link) -> int:
    with link.transaction():
        link.run(_LOCK, (link.schema,))
        version = _version(link)  # again: another process may have been first
        if version == 0:
            link.run("CREATE SCHEMA IF NOT EXISTS $")
            link.run("CREATE TABLE $.version (version integer NOT NULL)")
            link.run("INSERT INTO $.version VALUES (0)")
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    link.run(statement)
            link.run("UPDATE $.version SET version = %s", (number + 1,))
    return max(version, len(MIGRATIONS))


def _version(link: Link) -> int:
    """0 before the first migration."""
    try:
        with link.transaction():
            row = link.run("SELECT version FROM $.version").fetchone()
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return 0
    return int(row[0]) if row else 0
