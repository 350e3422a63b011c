"""What only grows never falls, not even in its last digit: Prometheus would take that for a counter that began anew."""

from __future__ import annotations

import random

import psycopg
import pytest

from storehand.job import NewJob
from storehand.store import Finish, JobStore
from storehand.store.postgres import PostgresStore
from tests.contract.stores import OK, STORES, Clock, claimed, new, postgres_url
from tests.servers import fresh_name


def busy_s(store: JobStore) -> float:
    [tally] = store.tallies()
    return tally.busy_s


@pytest.mark.parametrize("kind", STORES)
def test_the_time_that_workers_had_jobs_grows_by_the_smallest_steps(kind, tmp_path):
    clock, chance = Clock(), random.Random(2)
    store = STORES[kind](tmp_path, clock)
    seen = [0.0]
    for number in range(40):
        [job] = store.create([new(number)])
        claimed(store, job, lease_s=1e12)
        clock.advance(chance.choice([1e-6, 0.1, 3e6]))
        store.finish([Finish(job.id, OK, "w1", 1)])
        seen.append(busy_s(store))
    store.close()

    assert seen == sorted(seen)
    assert len(set(seen)) > 20


@pytest.fixture
def schema():
    return fresh_name()


@pytest.fixture
def store(schema):
    store = PostgresStore(postgres_url(), schema=schema, clock=Clock())
    store.create([NewJob("tagline", {})])
    yield store
    store.close()


@pytest.fixture
def tables(schema):
    with psycopg.connect(postgres_url(), autocommit=True) as db:
        yield db


def add_processes(tables: psycopg.Connection, schema: str, *busy_s: float) -> None:
    for number, each in enumerate(busy_s):
        tables.execute(
            f"INSERT INTO {schema}.tallies (shard, task, priority, busy_s) VALUES (%s, 'tagline', 'standard', %s)",
            (f"t{number}", each),
        )


def test_postgres_says_the_same_in_whatever_order_its_rows_lie(store, schema, tables):
    add_processes(tables, schema, 0.1, 0.2, 0.3)
    before = busy_s(store)
    tables.execute(f"UPDATE {schema}.tallies SET running = 1 WHERE shard = 't0'")  # a claim: the row lies last now

    assert busy_s(store) == before == 0.6


@pytest.mark.parametrize(("scale", "gain_s"), [(1.0, 0.0), (600.0, 1e-3)], ids=["a year", "centuries"])
def test_postgres_loses_nothing_when_it_folds_the_rows_of_quiet_processes(store, schema, tables, scale, gain_s):
    chance = random.Random(8)
    for _ in range(4):
        add_processes(tables, schema, *(chance.uniform(0, 3e4 * scale) for _ in range(1100)))
        before = busy_s(store)  # that look has folded them

        assert before <= busy_s(store) <= before + gain_s
