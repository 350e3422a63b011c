"""A store from before there were tallies, and programs that keep none beside those that do: the figures are right."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from storehand.job import Job
from storehand.store import Finish, JobStore
from storehand.store.postgres import PostgresStore
from storehand.store.redis import RedisStore
from storehand.store.schema import MIGRATIONS
from storehand.store.sqlite import SqliteStore
from tests.contract.stores import OK, Clock, claimed, created, new, postgres_url, redis_url
from tests.servers import fresh_name

COUNTED = 2
"""The first version that counts, as an index of MIGRATIONS."""


def load(store: JobStore) -> list[Job]:
    """Three wait, one is scheduled, two run, one has ended."""
    jobs = store.create([new(n) for n in range(6)])
    created(store, not_before=store.now() + 3600)
    for job in jobs[:3]:
        claimed(store, job)
    store.finish([Finish(jobs[0].id, OK, "w1", 1)])
    return jobs


def figures(store: JobStore) -> tuple[int, int, int]:
    [tally] = store.tallies()
    return tally.waiting, tally.scheduled, tally.running


def sqlite_before(folder: Path, clock: Clock) -> tuple[Callable[[], JobStore], Callable[[], None]]:
    def forget() -> None:
        db = sqlite3.connect(folder / "jobs.db", isolation_level=None)
        for name in ("new", "move", "gone"):
            db.execute(f"DROP TRIGGER jobs_tally_{name}")
        db.execute("DROP INDEX jobs_status")
        db.execute("CREATE INDEX jobs_status ON jobs (status, tenant, created_at)")
        db.execute("DROP TABLE tallies")
        db.execute(f"PRAGMA user_version = {COUNTED}")
        db.close()

    return lambda: SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=clock), forget


def redis_before(_: Path, clock: Clock) -> tuple[Callable[[], JobStore], Callable[[], None]]:
    prefix = fresh_name()

    def forget() -> None:
        with redis.Redis.from_url(redis_url()) as admin:
            for key in [*admin.scan_iter(f"{{{prefix}}}:waiting:*"), f"{{{prefix}}}:tallies"]:
                admin.delete(key)

    return lambda: RedisStore(redis_url(), prefix=prefix, clock=clock), forget


def postgres_before(_: Path, clock: Clock) -> tuple[Callable[[], JobStore], Callable[[], None]]:
    schema = fresh_name()

    def forget() -> None:
        with psycopg.connect(postgres_url(), autocommit=True) as db:
            db.execute(f"DROP TABLE {schema}.tallies")
            db.execute(f"DROP INDEX {schema}.jobs_due")
            db.execute(f"ALTER TABLE {schema}.jobs DROP COLUMN priority")
            db.execute(f"DELETE FROM {schema}.marks WHERE nonce = 'tallies'")
            db.execute(f"UPDATE {schema}.version SET version = {COUNTED}")

    return lambda: PostgresStore(postgres_url(), schema=schema, clock=clock), forget


BEFORE = {"sqlite": sqlite_before, "redis": redis_before, "postgres": postgres_before}


@pytest.mark.parametrize("kind", BEFORE)
def test_a_store_from_before_says_at_once_what_waits_and_runs(kind, tmp_path):
    clock = Clock()
    open_store, forget = BEFORE[kind](tmp_path, clock)
    before = open_store()
    jobs = load(before)
    before.close()
    forget()
    store = open_store()
    first = figures(store)
    claimed(store, jobs[3], "w2")
    store.finish([Finish(jobs[1].id, OK, "w1", 1)])

    assert first == (3, 1, 2)
    assert figures(store) == (2, 1, 2)
    assert store.tallies()[0].oldest_due_at == clock()
    store.close()


def test_sqlite_counts_what_an_older_program_writes(tmp_path):
    clock = Clock()
    store = SqliteStore(tmp_path / "jobs.db", synchronous="NORMAL", clock=clock)
    load(store)
    db = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)  # the statements of the version before
    db.execute(
        "UPDATE jobs SET status = 'running', updated_at = ? WHERE status = 'queued' AND not_before IS NULL", (1,)
    )
    db.execute("UPDATE jobs SET status = 'succeeded', finished_at = ?1, updated_at = ?1 WHERE status = 'running'", (2,))
    db.execute("DELETE FROM jobs WHERE status = 'queued'")
    db.close()

    assert figures(store) == (0, 0, 0)
    assert len(MIGRATIONS) > COUNTED
    store.close()


def test_redis_finds_what_an_older_program_did_not_count():
    clock, prefix = Clock(), fresh_name()
    store = RedisStore(redis_url(), prefix=prefix, clock=clock)
    jobs = load(store)
    waiting, counts = f"{{{prefix}}}:waiting:tagline\0standard", f"{{{prefix}}}:tallies"
    with redis.Redis.from_url(redis_url()) as admin:
        admin.zrem(waiting, jobs[5].id)  # as if an older program had created it
        admin.hincrby(counts, "submitted\0tagline\0standard", -1)
        created_unseen = figures(store)
        admin.zadd(waiting, {jobs[1].id: 1})  # ... and claimed what waited: it stands in front
        claimed_unseen = figures(store)
        admin.hincrby(counts, "finished\0tagline\0standard", -1)  # ... and ended one
        ended_unseen = figures(store)

    assert created_unseen == claimed_unseen == ended_unseen == (3, 1, 2)
    assert store.tallies()[0].oldest_due_at == clock()
    store.close()


def test_postgres_counts_anew_after_an_older_program_was_at_work():
    clock, schema = Clock(), fresh_name()
    store = PostgresStore(postgres_url(), schema=schema, clock=clock)
    load(store)
    assert figures(store) == (3, 1, 2)
    with psycopg.connect(postgres_url(), autocommit=True) as db:
        one = f"SELECT n FROM {schema}.jobs WHERE status = 'queued' AND not_before IS NULL LIMIT 1"
        db.execute(f"UPDATE {schema}.jobs SET status = 'running', priority = NULL WHERE n = ({one})")
        db.execute(f"UPDATE {schema}.marks SET at = at - 60 WHERE nonce = 'tallies'")
        not_yet = figures(store)
        db.execute(f"INSERT INTO {schema}.marks VALUES ('0123456789abcdef', 1, extract(epoch FROM clock_timestamp()))")

    assert not_yet == (3, 1, 2)
    assert figures(store) == (2, 1, 3)
    store.close()


def test_postgres_folds_the_counts_of_processes_that_are_quiet():
    clock, schema = Clock(), fresh_name()
    store = PostgresStore(postgres_url(), schema=schema, clock=clock)
    load(store)
    assert figures(store) == (3, 1, 2)
    with psycopg.connect(postgres_url(), autocommit=True) as db:
        db.execute(
            f"INSERT INTO {schema}.tallies SELECT 't' || n, 'tagline', 'standard', 1, 0, 1, 0, 0"
            " FROM generate_series(1, 1500) AS n"
        )
        many = figures(store)
        rows = db.execute(f"SELECT count(*) FROM {schema}.tallies").fetchone()

    assert many == figures(store) == (1503, 1, 2)
    assert rows is not None
    assert rows[0] < 10
    store.close()
