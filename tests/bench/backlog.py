"""What looks at a backlog cost on PostgreSQL: `python -m tests.bench.backlog 1000000`, docs/capacity.md."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

import psycopg

from storehand.store import JobStore
from storehand.store.postgres import PostgresStore
from tests.servers import PostgresServer, fresh_name

LOOKS = 5
GRACE_S = 10.0

_FILL = (
    "INSERT INTO {schema}.jobs (id, task, tenant, status, created_at, updated_at, published_at, priority)"
    " SELECT md5(n::text), 'description', 'shop', 'queued', now, now, now, 'bulk' FROM generate_series(1, {jobs}) AS n,"
    " (SELECT extract(epoch FROM clock_timestamp())::float8 AS now) AS clock",
    "INSERT INTO {schema}.inputs (n, input, fingerprint, priority)"
    " SELECT n, repeat('x', 200), 'f', 'bulk' FROM {schema}.jobs",
    "INSERT INTO {schema}.tallies (shard, task, priority, queued, submitted)"
    " VALUES ('t', 'description', 'bulk', {jobs}, {jobs})",
    "VACUUM ANALYZE",
)
"""Jobs that wait behind their messages: nobody has to do anything about them."""


def looks(store: JobStore) -> Mapping[str, Callable[[], object]]:
    return {
        "exporter: tallies": store.tallies,
        "exporter: who leads, dead letters": lambda: store.upkeep(most_unrung=0),
        "exporter: jobs without a message": store.upkeep,
        "reconciler: jobs without a message": lambda: store.unrung(grace_s=GRACE_S, limit=500),
        "reconciler: overdue jobs": store.expire_overdue,
    }


def main(jobs: int) -> None:
    with PostgresServer() as server:
        schema = fresh_name()
        store = PostgresStore(server.url, schema=schema)
        store.tallies()  # counts once, before there is anything to count
        with psycopg.connect(server.url, autocommit=True) as db:
            for statement in _FILL:
                db.execute(statement.format(schema=schema, jobs=jobs).encode())
        for name, look in looks(store).items():
            took_s = sorted(_timed(look) for _ in range(LOOKS))
            print(f"{name:40} {took_s[LOOKS // 2]:8.3f} s (median of {LOOKS})")
        store.close()


def _timed(look: Callable[[], object]) -> float:
    began = time.perf_counter()
    look()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
