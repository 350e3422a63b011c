"""Jobs without a message are rung for again; one worker at a time looks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from storehand.job import Job, NewJob, Outcome, Priority, Status
from storehand.settings import Settings
from storehand.store import Finish
from storehand.store.sqlite import SqliteStore
from storehand_worker import reconcile
from storehand_worker.reconcile import Reconciler
from tests.unit.job_runs import Seen


class Bell:
    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.rung: list[str] = []
        self.enveloped: list[str] = []

    def ring(self, jobs: Sequence[Job], *, envelope: bool = False) -> None:
        self.rung += [job.id for job in jobs]
        self.enveloped += [job.id for job in jobs if envelope]
        self._store.mark_published([job.id for job in jobs])


class Shop:
    """A store whose clock stands until it is moved, and its reconcilers."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time()
        self.settings = Settings(data_dir=folder)
        self.store = SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=lambda: self.now)
        self.bell = Bell(self.store)
        self.seen = Seen()
        self.depths: dict[str, tuple[int, int]] = {}
        self.forgotten: list[str] = []
        self.why: Counter[str] = Counter()

    def reconciler(self, owner: str = "me") -> Reconciler:
        return Reconciler(
            self.store, self.bell, self.seen, self.settings, owner=owner, depths=lambda: self.depths,
            on_rung=lambda why, jobs: self.why.update({why: jobs}), on_payloads=self.forgotten.extend,
            clock=lambda: self.now,
        )  # fmt: skip

    def job(self, **fields: object) -> str:
        return self.store.create([NewJob(task="word", input={}, **fields)])[0].id  # type: ignore[arg-type]  # the tests name real fields

    def answer(self, job_id: str) -> None:
        [claim] = self.store.claim([job_id], "w", 15, max_crashes=3)
        assert claim.job is not None
        self.store.finish([Finish(job_id, Outcome.succeeded({}), "w", claim.job.attempts)])

    def notes(self, job_id: str) -> list[object]:
        return [note.data["why"] for note in self.store.history(job_id) if note.what == "rung_again"]


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
    job_id = shop.job(deadline=shop.now + 1, payload_ref="default/large.json")
    reconciler = shop.reconciler()
    shop.now += 2
    reconciler.tick()

    shop.now += shop.settings.result_ttl_s + reconcile.SWEEP_S + 1
    reconciler.tick()

    assert shop.store.get([job_id]) == {}
    assert shop.forgotten == ["default/large.json"]


def test_after_an_outage_of_the_broker_all_are_rung_for_in_one_look(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    jobs = shop.store.create([NewJob(task="word", input={}) for _ in range(reconcile.BATCH * 2 + 100)])
    shop.now += shop.settings.publish_grace_s + 1

    assert shop.reconciler().tick() == len(jobs)

    assert sorted(shop.bell.rung) == sorted(job.id for job in jobs)
    assert shop.why == {"unpublished": len(jobs)}


def test_customers_who_wait_are_rung_for_first_and_bulk_goes_in_envelopes(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    bulk = shop.job(priority=Priority.BULK)
    chat = shop.job(priority=Priority.INTERACTIVE)
    killer = shop.job(priority=Priority.BULK)
    shop.store.claim([killer], "w", 1, max_crashes=3)
    shop.now += shop.settings.publish_grace_s + 2

    shop.reconciler().tick()

    assert shop.bell.rung == [chat, killer, bulk]
    assert shop.bell.enveloped == [bulk]  # what may have killed its worker takes no company with it
    assert [shop.notes(each) for each in (chat, killer, bulk)] == [["unpublished"], ["worker_gone"], ["unpublished"]]


def test_what_waits_in_a_long_queue_is_not_rung_for_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    ids = [shop.job() for _ in range(3)]
    shop.store.mark_published(ids)
    queue = shop.settings.queue("word", Priority.STANDARD)
    reconciler = shop.reconciler()
    shop.depths = {queue: (3, 0)}

    shop.now += 150 * shop.settings.publish_grace_s
    assert reconciler.tick() == 0

    shop.depths = {queue: (0, 0)}  # the queue is empty, and they have not come out of it
    assert reconciler.tick() == 0  # looked at a moment ago
    shop.now += 150 * shop.settings.publish_grace_s
    assert reconciler.tick() == 3
    assert shop.why == {"unclaimed": 3}


def test_what_no_queue_holds_and_nobody_claims_is_rung_for_soon_where_a_server_keeps_the_queues(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.settings = Settings(data_dir=tmp_path, broker_url="redis://nowhere")  # type: ignore[arg-type]  # a text, as in the environment
    queue = shop.settings.queue("word", Priority.STANDARD)
    job_id = shop.job()
    shop.store.mark_published([job_id])
    shop.now += 3 * shop.settings.publish_grace_s + 1

    rung = []
    for depths in ({}, {queue: (5, 1)}, {queue: (0, 1)}):  # unknown; it may be among those; it is in no queue
        shop.depths = depths
        shop.reconciler().tick()
        rung.append(len(shop.bell.rung))

    assert rung == [0, 0, 1]
    assert shop.bell.rung == [job_id]
    assert shop.reconciler().tick() == 0  # once in a while


def test_a_worker_that_comes_back_from_an_outage_of_the_store_has_the_grace_to_renew_its_leases(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.settings = Settings(data_dir=tmp_path, broker_url="redis://nowhere")  # type: ignore[arg-type]  # a text, as in the environment
    shop.depths = {shop.settings.queue("word", Priority.STANDARD): (0, 1)}
    job_id = shop.job()
    shop.store.mark_published([job_id])
    shop.store.claim([job_id], "w", 60, max_crashes=3)

    shop.now += 60 + shop.settings.publish_grace_s / 2
    assert shop.reconciler().tick() == 0

    shop.now += shop.settings.publish_grace_s
    assert shop.reconciler().tick() == 1
    assert shop.why == {"worker_gone": 1}


def test_whom_a_later_one_has_overtaken_has_lost_its_message(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    lost = shop.job()
    shop.store.mark_published([lost])
    shop.now += 100
    later = shop.job()
    shop.answer(later)
    shop.depths = {shop.settings.queue("word", Priority.STANDARD): (5000, 0)}

    shop.now += 150 * shop.settings.publish_grace_s
    shop.reconciler().tick()

    assert shop.bell.rung == [lost]


def test_a_job_that_was_handed_back_is_rung_for_at_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    job_id = shop.job()
    shop.store.mark_published([job_id])
    shop.store.claim([job_id], "w", 15, max_crashes=3)
    shop.store.release([job_id], "w")

    shop.reconciler().tick()

    assert shop.bell.rung == [job_id]
    assert shop.notes(job_id) == ["handed_back"]
