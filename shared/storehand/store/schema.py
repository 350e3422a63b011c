"""The tables of the SQLite job store and how an older file becomes a newer one.

Columns and tables are only ever added, with a default: a program one version behind keeps working beside a newer one,
so a rolling update needs no pause. An index may be exchanged, where no program names it. A file two or more versions
ahead is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from storehand.errors import SettingsError

_FIRST = """
CREATE TABLE jobs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    tenant TEXT NOT NULL,
    priority TEXT NOT NULL,
    status TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    idempotency_key TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    published_at REAL,
    not_before REAL,
    deadline REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease_until REAL,
    cancel_requested_at REAL,
    started_at REAL,
    finished_at REAL,
    outcome TEXT,
    batch TEXT,
    parent TEXT,
    experiment TEXT,
    trace TEXT,
    payload_ref TEXT
);
CREATE UNIQUE INDEX jobs_key ON jobs (tenant, task, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_status ON jobs (status, created_at);
CREATE INDEX jobs_unpublished ON jobs (updated_at) WHERE status = 'queued' AND published_at IS NULL;
CREATE INDEX jobs_published ON jobs (published_at) WHERE status = 'queued' AND published_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE status = 'running';
CREATE INDEX jobs_deadline ON jobs (deadline) WHERE status = 'queued' AND deadline IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE inputs (n INTEGER PRIMARY KEY, input TEXT NOT NULL);
CREATE TABLE events (
    job_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    job_id TEXT,
    body TEXT NOT NULL
);
CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), owner TEXT NOT NULL, until REAL NOT NULL);
"""  # inputs have a table of their own because SQLite rewrites a whole row, 256 kB and all, when a lease is renewed

_HISTORY_AND_LIMITS = """
ALTER TABLE jobs ADD COLUMN subject TEXT;
ALTER TABLE jobs ADD COLUMN history TEXT;
ALTER TABLE dead_letters ADD COLUMN task TEXT;
CREATE INDEX jobs_subject ON jobs (subject) WHERE subject IS NOT NULL;
DROP INDEX jobs_status;
CREATE INDEX jobs_status ON jobs (status, tenant, created_at);
CREATE TABLE buckets (tenant TEXT PRIMARY KEY, tokens REAL NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
"""

_TALLIES = """
CREATE TABLE tallies (
    task TEXT NOT NULL,
    priority TEXT NOT NULL,
    open INTEGER NOT NULL DEFAULT 0,
    submitted INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0,
    busy_s REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (task, priority)
) WITHOUT ROWID;
INSERT INTO tallies (task, priority, open)
    SELECT task, priority, sum(status IN ('queued', 'running')) FROM jobs GROUP BY task, priority;
DROP INDEX jobs_status;
CREATE INDEX jobs_status ON jobs (status, tenant, task, priority, max(updated_at, coalesce(not_before, 0)));
CREATE TRIGGER jobs_tally_new AFTER INSERT ON jobs BEGIN
    INSERT INTO tallies (task, priority, open, submitted) VALUES (NEW.task, NEW.priority, 1, 1)
    ON CONFLICT (task, priority) DO UPDATE SET open = open + 1, submitted = submitted + 1;
END;
CREATE TRIGGER jobs_tally_move AFTER UPDATE OF finished_at, not_before ON jobs WHEN OLD.status <> NEW.status BEGIN
    UPDATE tallies SET
        open = open - (NEW.status <> 'queued'),
        finished = finished + (OLD.status = 'running' AND NEW.status <> 'queued'),
        busy_s = busy_s + iif(OLD.status = 'running', max(0, NEW.updated_at
            - iif(OLD.cancel_requested_at IS NOT NULL AND OLD.attempts = 1, OLD.started_at, OLD.updated_at)), 0)
    WHERE task = NEW.task AND priority = NEW.priority;
END;
CREATE TRIGGER jobs_tally_gone AFTER DELETE ON jobs WHEN OLD.status IN ('queued', 'running') BEGIN
    UPDATE tallies SET open = open - 1 WHERE task = OLD.task AND priority = OLD.priority;
END;
"""
# Triggers, so that whatever moves a row is counted in its transaction, a program one version behind included. A claim
# writes no tally: what runs is counted in the index, where it is little, and what is open and does not run waits. The
# second is not for the status, but for what only ends and hand-backs write: a trigger costs even where it does nothing.

MIGRATIONS: tuple[str, ...] = (_FIRST, _HISTORY_AND_LIMITS, _TALLIES)
"""Step i leads from version i to i + 1. Append only."""


def migrate(db: sqlite3.Connection) -> None:
    """Brings the file to this program's version; SettingsError for a file that is too new. Safe to race."""
    if _version(db) < len(MIGRATIONS):
        db.execute("BEGIN IMMEDIATE")
        try:
            for number in range(_version(db), len(MIGRATIONS)):  # read again: another process may have been first
                for statement in _statements(MIGRATIONS[number]):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    if _version(db) > len(MIGRATIONS) + 1:
        raise SettingsError(
            f"the job store has schema version {_version(db)}, this program knows {len(MIGRATIONS)} and can work "
            "beside one version more: update the program"
        )


def _statements(script: str) -> Iterator[str]:
    """A trigger holds statements itself."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version
