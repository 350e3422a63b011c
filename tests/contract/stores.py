"""The job stores under test, and what their tests share. Another store joins by a line in STORES."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from storehand.job import EventKind, Job, NewJob, Outcome
from storehand.store import Claimed, JobStore
from storehand.store.postgres import PostgresStore
from storehand.store.redis import RedisStore
from storehand.store.sqlite import SqliteStore
from tests.servers import PostgresServer, RedisServer, fresh_name


class Clock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


@functools.cache
def postgres_url() -> str:
    """One server for all tests of this process; each store has a schema of its own."""
    if reason := PostgresServer.missing():
        pytest.skip(reason)
    server = PostgresServer("autovacuum=off")
    server.start()
    atexit.register(server.close)
    return server.url


@functools.cache
def redis_url() -> str:
    """One server for all tests of this process; each store has a prefix of its own."""
    if reason := RedisServer.missing():
        pytest.skip(reason)
    server = RedisServer()
    server.start()
    atexit.register(server.close)
    return server.url


STORES: dict[str, Callable[[Path, Clock], JobStore]] = {
    "sqlite": lambda folder, clock: SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=clock),
    "redis": lambda folder, clock: RedisStore(redis_url(), prefix=fresh_name(), clock=clock),
    "postgres": lambda folder, clock: PostgresStore(postgres_url(), schema=fresh_name(), clock=clock),
}


OK = Outcome.succeeded({"text": "好"})


def new(number: int = 0, **fields: object) -> NewJob:
    return NewJob(task="tagline", input={"product": f"壶 {number}"}, **fields)  # type: ignore[arg-type]  # the tests name real fields


def created(store: JobStore, **fields: object) -> Job:
    return store.create([new(0, **fields)])[0]


def row(store: JobStore, job: Job) -> Job:
    return store.get([job.id])[job.id]


def claimed(store: JobStore, job: Job, owner: str = "w1", *, lease_s: float = 15, max_crashes: int = 3) -> Claimed:
    return store.claim([job.id], owner, lease_s, max_crashes=max_crashes)[0].result


def kinds(store: JobStore, job: Job) -> list[EventKind]:
    return [event.kind for event in store.events(job.id)]
