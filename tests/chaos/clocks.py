"""Histories on a store whose clock steps back and forth: `python -m tests.chaos.clocks [--store redis]`.

The clock is the store's `clock` argument; the host's is left alone. Leases may end early or late then, so a job may run
more often; but it is answered once, by the owner of its last claim, and none is lost.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storehand.job import EventKind, NewJob, Outcome
from storehand.store import Claimed, Finish, JobStore
from tests.servers import PostgresServer, RedisServer, fresh_name

LEASE_S = 10.0
STEPS_S = (-3600.0, -30.0, -1.0, 1.0, 8.0, 30.0, 3600.0)
OWNERS = ("a", "b", "c")
MOVES = 60
JOBS = 5
MAX_CRASHES = 1000
"""Nothing is poison here: steps of the clock look like deaths."""


class SteppingClock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class History:
    """One store, a few owners, moves drawn from a seed."""

    def __init__(self, store: JobStore, clock: SteppingClock, seed: int) -> None:
        self._store = store
        self._clock = clock
        self._chance = random.Random(seed)
        self._ids = [job.id for job in store.create([NewJob("probe", {"n": n}) for n in range(JOBS)])]
        self._held: dict[tuple[str, str], int] = {}
        """(owner, job) -> the attempt this owner believes to run."""
        self._answers: Counter[str] = Counter()

    def run(self) -> list[str]:
        """What went wrong; nothing, mostly."""
        moves: tuple[Callable[[], None], ...] = (
            self._claim, self._claim, self._finish, self._finish, self._renew, self._release, self._step,
        )  # fmt: skip
        for _ in range(MOVES):
            self._chance.choice(moves)()
        self._calm()
        return self._problems()

    def _one(self) -> tuple[str, str]:
        return self._chance.choice(OWNERS), self._chance.choice(self._ids)

    def _claim(self) -> None:
        owner, job_id = self._one()
        [claim] = self._store.claim([job_id], owner, LEASE_S, max_crashes=MAX_CRASHES)
        if claim.result is Claimed.MINE and claim.job is not None:
            self._held[owner, job_id] = claim.job.attempts

    def _finish(self) -> None:
        if self._held:
            (owner, job_id), attempt = self._chance.choice(list(self._held.items()))
            outcome = Outcome.succeeded({"owner": owner, "attempt": attempt})
            [written] = self._store.finish([Finish(job_id, outcome, owner=owner, attempt=attempt)])
            self._answers[job_id] += written
            del self._held[owner, job_id]

    def _renew(self) -> None:
        owner, job_id = self._one()
        self._store.renew([job_id], owner, LEASE_S)

    def _release(self) -> None:
        owner, job_id = self._one()
        self._store.release([job_id], owner)
        self._held.pop((owner, job_id), None)

    def _step(self) -> None:
        self._clock.now += self._chance.choice(STEPS_S)

    def _calm(self) -> None:
        """Time goes on as it should; a fresh worker takes what is left."""
        for _ in range(4):
            self._clock.now += 3700 + LEASE_S
            for claim in self._store.claim(self._ids, "last", LEASE_S, max_crashes=MAX_CRASHES):
                if claim.result is Claimed.MINE and claim.job is not None:
                    outcome = Outcome.succeeded({"owner": "last", "attempt": claim.job.attempts})
                    finish = Finish(claim.job.id, outcome, owner="last", attempt=claim.job.attempts)
                    self._answers[claim.job.id] += self._store.finish([finish])[0]

    def _problems(self) -> list[str]:
        found = []
        for job_id, job in self._store.get(self._ids).items():
            ends = sum(event.kind is EventKind.END for event in self._store.events(job_id))
            if job.outcome is None or ends != 1 or self._answers[job_id] != 1:
                found.append(f"{job_id}: {job.status}, {ends} ends, {self._answers[job_id]} answers written")
            elif (job.outcome.output or {}).get("attempt") != job.attempts:
                found.append(f"{job_id}: answered by attempt {job.outcome.output} of {job.attempts}")
        return found


def play(store: str, place: Any, seed: int) -> list[str]:
    """The problems of one history on a fresh store; `place` is a folder or a URL."""
    clock = SteppingClock()
    opened = open_with(store, place, clock)
    try:
        return History(opened, clock, seed).run()
    finally:
        opened.close()


def open_with(store: str, place: Any, clock: Callable[[], float]) -> JobStore:
    if store == "sqlite":
        from storehand.store.sqlite import SqliteStore

        return SqliteStore(Path(place) / f"{fresh_name()}.db", synchronous="NORMAL", clock=clock)
    if store == "redis":
        from storehand.store.redis import RedisStore

        return RedisStore(place, prefix=fresh_name("clock"), clock=clock)
    from storehand.store.postgres import PostgresStore

    return PostgresStore(place, schema=fresh_name("clock"), clock=clock)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.clocks", description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "redis", "postgres"), default="sqlite")
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first history")
    arguments = parser.parse_args()
    broken = 0
    with ExitStack() as stack:
        place: Any = stack.enter_context(tempfile.TemporaryDirectory())
        if arguments.store != "sqlite":
            server = {"redis": RedisServer, "postgres": PostgresServer}[arguments.store]
            place = stack.enter_context(server()).url
        for seed in range(arguments.seed, arguments.seed + arguments.histories):
            problems = play(arguments.store, place, seed)
            broken += bool(problems)
            for problem in problems:
                print(f"seed {seed}: {problem}")
    print(f"{arguments.histories} histories on {arguments.store} with a clock that steps: {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
