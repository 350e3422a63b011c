"""What a store's tallies should say, found out by looking at all its rows after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from storehand.job import Job, Priority, Status
from storehand.store import JobStore, Tally
from storehand.store.redis import RedisStore

Kind = tuple[str, Priority]


class Witness:
    """Looks as often as rows change, and remembers what moved."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._rows: Mapping[str, Job] = {}
        self._submitted = Counter[Kind]()
        self._finished = Counter[Kind]()
        self._busy_s = Counter[Kind]()

    def look(self) -> None:
        rows = {job.id: job for job in self._store.find(limit=100_000)}
        for job in rows.values():
            if job.id not in self._rows:
                self._submitted[_kind(job)] += 1
            elif (before := self._rows[job.id]).status is Status.RUNNING and job.status is not Status.RUNNING:
                self._finished[_kind(job)] += job.status is not Status.QUEUED
                self._busy_s[_kind(job)] += max(0, job.updated_at - _claimed_at(before))
        self._rows = rows

    def expected(self, now: float) -> list[Tally]:
        return [self._tally(kind, now) for kind in sorted(self._submitted)]

    def check(self, now: float) -> None:
        """To the last digit but those of `busy_s`, which each store sums in its own order."""
        self.look()
        if isinstance(self._store, RedisStore):  # else its recount, made for older programs, would mend our mistakes
            assert self._store._quick.run("tallies")[1:] == [0, 0]
        told = self._store.tallies()
        expected = self.expected(now)
        assert [replace(each, busy_s=0.0) for each in told] == [replace(each, busy_s=0.0) for each in expected]
        assert [each.busy_s for each in told] == pytest.approx([each.busy_s for each in expected])

    def _tally(self, kind: Kind, now: float) -> Tally:
        jobs = [job for job in self._rows.values() if _kind(job) == kind]
        due = [max(job.updated_at, job.not_before or 0) for job in jobs if job.status is Status.QUEUED]
        waiting = [at for at in due if at <= now]
        return Tally(
            *kind,
            waiting=len(waiting),
            scheduled=len(due) - len(waiting),
            running=sum(job.status is Status.RUNNING for job in jobs),
            oldest_due_at=min(waiting, default=None),
            submitted=self._submitted[kind],
            finished=self._finished[kind],
            busy_s=self._busy_s[kind],
        )


def _kind(job: Job) -> Kind:
    return job.task, job.priority


def _claimed_at(job: Job) -> float:
    """A cancel moves `updated_at`; in a first attempt `started_at` tells it all the same."""
    is_first = job.cancel_requested_at is not None and job.attempts == 1 and job.started_at is not None
    return job.started_at if is_first and job.started_at is not None else job.updated_at
