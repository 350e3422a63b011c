"""From what was read to what is shown: jobs by their labels, and how many workers each pool needs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from storehand.job import Priority
from storehand.scaling import Demand, desired_workers, required_workers, work_waiting_s
from storehand.store.state import Tally
from storehand_worker.exporter.plan import NO_POOL, Labels, Plan
from storehand_worker.exporter.readings import StoreReading
from storehand_worker.exporter.windows import Counts, Windows

LEADERLESS_S = 60.0
"""A live worker leads within a few seconds. Nobody for so long: what is claimed has nobody either, and waits for one; a
pool that was scaled to zero by a crash would else never come back for it."""


@dataclass(slots=True)
class Jobs:
    """Of all tasks under one set of labels."""

    waiting: int = 0
    scheduled: int = 0
    running: int = 0
    submitted: int = 0
    finished: int = 0
    busy_s: float = 0.0
    oldest_s: float = 0.0

    def orphan(self, since_s: float) -> None:
        """Its workers are gone, for so long."""
        if self.running:
            self.oldest_s = max(self.oldest_s, since_s)
        self.waiting, self.running = self.waiting + self.running, 0

    def add(self, tally: Tally, now: float) -> None:
        self.waiting += tally.waiting
        self.scheduled += tally.scheduled
        self.running += tally.running
        self.submitted += tally.submitted
        self.finished += tally.finished
        self.busy_s += tally.busy_s
        if tally.oldest_due_at is not None:
            self.oldest_s = max(self.oldest_s, now - tally.oldest_due_at)


@dataclass(frozen=True, slots=True)
class Needs:
    """Of one pool."""

    required: float
    desired: int
    work_waiting_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    jobs: Mapping[Labels, Jobs]
    needs: Mapping[str, Needs]
    unserved: int


class Accounts:
    """Remembers earlier reads, for rates. Asked by the thread that reads, and by no other."""

    def __init__(self, plan: Plan, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._plan = plan
        self._clock = clock
        self._windows: Windows[Labels] = Windows()
        self._led_at = clock()

    def figures(self, reading: StoreReading) -> Figures:
        """Once for each read."""
        jobs = jobs_of(self._plan, reading.tallies, reading.now)
        if reading.upkeep.leader is not None:
            self._led_at = self._clock()
        leaderless_s = self._clock() - self._led_at
        if leaderless_s >= LEADERLESS_S:
            for each in jobs.values():
                each.orphan(leaderless_s)
        counts = {key: Counts(each.submitted, each.finished, each.busy_s) for key, each in jobs.items()}
        self._windows.look(self._clock(), counts)
        unserved = sum(each.waiting + each.scheduled for key, each in jobs.items() if key.pool == NO_POOL)
        return Figures(jobs, self._needs(jobs), unserved)

    def _needs(self, jobs: Mapping[Labels, Jobs]) -> dict[str, Needs]:
        demands: dict[str, list[Demand]] = defaultdict(list)
        for key, each in jobs.items():
            if (pool := self._plan.pools.get(key.pool)) is not None:
                service_s = self._windows.service_s(key, pool.service_hint_s)
                arrivals = self._windows.arrivals_per_s(key)
                demands[key.pool].append(Demand(Priority(key.priority), arrivals, each.waiting, service_s))
        found: dict[str, Needs] = {}
        for name, pool in self._plan.pools.items():
            required = required_workers(pool, demands[name])
            found[name] = Needs(required, desired_workers(pool, required), work_waiting_s(pool, demands[name]))
        return found


def jobs_of(plan: Plan, tallies: Sequence[Tally], now: float) -> dict[Labels, Jobs]:
    """Known labels are there from the start: a counter that begins at its first job hides that job from a rate."""
    found = {labels: Jobs() for labels in plan.labels.values()}
    for tally in tallies:
        found[plan.labels_of(tally.task, tally.priority)].add(tally, now)
    return found
