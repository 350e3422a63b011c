"""Jobs without a message are rung for again; one worker at a time looks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from storehand.job import Job, NewJob, Status
from storehand.settings import Settings
from storehand.store.sqlite import SqliteStore
from storehand_worker import reconcile
from storehand_worker.reconcile import Reconciler
from tests.unit.job_runs import Seen


class Bell:
    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.rung: list[str] = []

    def ring(self, jobs: Sequence[Job]) -> None:
        self.rung += [job.id for job in jobs]
        self._store.mark_published([job.id for job in jobs])


class Shop:
    """A store whose clock stands until it is moved, and its reconcilers."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time()
        self.settings = Settings(data_dir=folder)
        self.store = SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=lambda: self.now)
        self.bell = Bell(self.store)
        self.seen = Seen()

    def reconciler(self, owner: str = "me") -> Reconciler:
        return Reconciler(self.store, self.bell, self.seen, self.settings, owner=owner, clock=lambda: self.now)

    def job(self, **fields: object) -> str:
        return self.store.create([NewJob(task="word", input={}, **fields)])[0].id  # type: ignore[arg-type]


def test_a_row_without_message_is_rung_for_after_the_grace(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    job_id = shop.job()
    reconciler = shop.reconciler()
    assert reconciler.tick() == 0

    shop.now += shop.settings.publish_grace_s + 1

    assert reconciler.tick() == 1
    assert reconciler.tick() == 0
    assert shop.bell.rung == [job_id]


def test_a_job_of_a_dead_worker_is_rung_for_and_one_of_a_living_worker_is_not(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    dead, alive = shop.job(), shop.job()
    shop.store.mark_published([dead, alive])
    shop.store.claim([dead, alive], "w", 15, max_crashes=3)
    reconciler = shop.reconciler()

    shop.now += 14
    shop.store.renew([alive], "w", 60)
    shop.now += 2 + shop.settings.publish_grace_s
    reconciler.tick()

    assert shop.bell.rung == [dead]


def test_a_job_is_rung_for_when_it_is_due(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    job_id = shop.job(not_before=shop.now + 100)
    reconciler = shop.reconciler()
    shop.now += 99
    assert reconciler.tick() == 0

    shop.now += 2

    assert reconciler.tick() == 1
    assert shop.bell.rung == [job_id]


def test_overdue_jobs_end_and_observers_hear_of_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    job_id = shop.job(deadline=shop.now + 1)
    shop.now += 2

    shop.reconciler().tick()

    assert shop.seen.done == [(job_id, "expired")]
    assert shop.store.get([job_id])[job_id].status is Status.EXPIRED


def test_only_the_leader_looks_until_it_is_gone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    leader, other = shop.reconciler("leader"), shop.reconciler("other")
    leader.tick()
    shop.job()
    shop.now += shop.settings.publish_grace_s + 1

    leader.tick()
    assert other.tick() == 0

    shop.job()
    shop.now += shop.settings.reconcile_s * reconcile.LEAD_FACTOR + shop.settings.publish_grace_s + 1
    assert other.tick() == 1


def test_old_jobs_are_swept_now_and_then(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    job_id = shop.job(deadline=shop.now + 1)
    reconciler = shop.reconciler()
    shop.now += 2
    reconciler.tick()

    shop.now += shop.settings.result_ttl_s + reconcile.SWEEP_S + 1
    reconciler.tick()

    assert shop.store.get([job_id]) == {}
