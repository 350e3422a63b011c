"""What a job costs a store's server: CPU, bytes that stay, bytes on the wire. `python -m tests.bench.capacity`.

A job of 200 bytes of input and 400 of output is created, published, claimed and finished, by groups of 1 and of 32, by
one client. CPU is that of the server's processes (for SQLite: of the client, which is the server).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from storehand.job import NewJob, Outcome
from storehand.store import Finish, JobStore
from storehand.store.postgres import PostgresStore
from storehand.store.redis import RedisStore
from storehand.store.sqlite import SqliteStore
from tests.servers import PostgresServer, RedisServer, fresh_name

JOBS = 640
INPUT = {"text": "a" * 190}
ANSWER = Outcome.succeeded({"text": "b" * 390})


@dataclass(frozen=True)
class Bench:
    """A store with ways to ask its server."""

    name: str
    store: JobStore
    cpu_s: Callable[[], float]
    size_bytes: Callable[[], int]
    traffic: Callable[[], tuple[int, int]]
    """Commands so far, and bytes in both directions; 0 where it can't tell."""


def measure(bench: Bench, group: int, jobs: int = JOBS) -> str:
    """One line of the table."""
    size, cpu_s, (calls, wire) = bench.size_bytes(), bench.cpu_s(), bench.traffic()
    for _ in range(jobs // group):
        ids = [job.id for job in bench.store.create([NewJob("copy", INPUT) for _ in range(group)])]
        bench.store.mark_published(ids)
        claims = bench.store.claim(ids, "w", 60.0, max_crashes=3)
        ends = [Finish(c.job.id, ANSWER, "w", c.job.attempts) for c in claims if c.job is not None]
        assert all(bench.store.finish(ends))
    spent_s = bench.cpu_s() - cpu_s
    calls_now, wire_now = bench.traffic()
    return (
        f"| {bench.name} | {group} | {1e6 * spent_s / jobs:.0f} | {(bench.size_bytes() - size) / jobs:.0f} "
        f"| {(calls_now - calls) / jobs:.2f} | {(wire_now - wire) / jobs:.0f} |"
    )


def _cpu_s(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with psutil.Process(pid).oneshot():
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def redis() -> Iterator[Bench]:
    from redis import Redis

    with RedisServer("appendfsync everysec") as server:
        client = Redis.from_url(server.url)
        store = RedisStore(server.url, prefix=fresh_name())

        def traffic() -> tuple[int, int]:
            said = client.info("stats")
            # A script's own commands are counted too; calls from outside are what its connections have sent.
            calls = client.info("commandstats")
            outside = sum(calls.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval", "fcall"))
            return outside, said["total_net_input_bytes"] + said["total_net_output_bytes"]

        pid = client.info("server")["process_id"]
        yield Bench("redis", store, lambda: _cpu_s([pid]), lambda: client.info("memory")["used_memory"], traffic)
        store.close()


@contextmanager
def postgres() -> Iterator[Bench]:
    with PostgresServer() as server:
        store = PostgresStore(server.url, schema="bench")
        first = next(each for each in psutil.process_iter() if str(server.port) in " ".join(_words(each)))

        def family() -> float:
            return _cpu_s([first.pid, *(child.pid for child in first.children(recursive=True))])

        def size() -> int:
            name = server.url.rpartition("/")[2].partition("?")[0]
            return int(server.run_sql(f"SELECT pg_database_size('{name}')").split()[0])

        yield Bench("postgres", store, family, size, lambda: (0, 0))
        store.close()


@contextmanager
def sqlite() -> Iterator[Bench]:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "jobs.db")

        def size() -> int:
            return sum(file.stat().st_size for file in Path(folder).iterdir() if file.suffix == ".db")

        yield Bench("sqlite", store, lambda: _cpu_s([os.getpid()]), size, lambda: (0, 0))
        store.close()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if "postgres" in process.name() else []
    except psutil.Error:
        return []


def main() -> None:
    print("| store | jobs a call | server CPU, us a job | bytes kept a job | calls a job | bytes on the wire a job |")
    print("|---|---|---|---|---|---|")
    for server in (redis, postgres, sqlite):
        with server() as bench:
            measure(bench, 32, 160)  # warms caches and connections
            for group in (1, 32):
                print(measure(bench, group), flush=True)


if __name__ == "__main__":
    main()
