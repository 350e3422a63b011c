"""Workers on a real Redis: what is in hand stays in hand, what is dropped comes back, and chats get through."""

from __future__ import annotations

import contextlib
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storehand import Client
from storehand.broker.server_depth import ServerDepth
from storehand.celery_app import make_celery
from storehand.cli.checks import Light
from storehand.cli.reach import broker
from storehand.errors import Unavailable
from storehand.job import Priority, Status
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.servers import RedisServer, SentinelServer, fresh_name
from tests.waiting import until


@pytest.fixture
def shop(tmp_path: Path, redis_server: RedisServer) -> Shop:
    return Shop(tmp_path, broker_url=redis_server.fresh_url(), visibility_s=3)


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


def metric(worker: WorkerProcess, name: str) -> float:
    found = re.search(rf"^storehand_{name}(?:{{.*}})? (\S+)$", worker.get("/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def needs_redis() -> None:
    reason = RedisServer.missing()
    if reason:
        pytest.skip(reason)


def test_a_job_longer_than_the_visibility_is_never_delivered_again(tmp_path, redis_server):
    shop = Shop(tmp_path, broker_url=redis_server.fresh_url(), visibility_s=6)  # a worker may stand still for 3 s
    with shop.worker("-c", "4") as worker, Client(shop.settings) as client:
        handle = client.submit(ProbeInput(work_s=9))

        assert handle.outcome(40).status is Status.SUCCEEDED
        assert shop.noted("starts") == {handle.id: 1}
        assert metric(worker, "redelivered_total") == 0  # it would join or be parked; the broker kept still


def test_after_kill_9_another_worker_starts_the_job_within_the_visibility_and_a_sweep(shop, client):
    with shop.worker(name="first") as first:
        handle = client.submit(ProbeInput(work_s=60))
        until(lambda: shop.noted("starts")[handle.id])
        with shop.worker(name="second"):
            first.kill()
            until(lambda: shop.noted("starts")[handle.id] == 2, timeout_s=20)  # visibility, sweep, a slow machine
            handle.cancel()


@pytest.mark.long
def test_a_job_of_60_s_with_a_visibility_of_6_s_starts_once_and_its_successor_within_10_s(tmp_path, redis_server):
    shop = Shop(tmp_path, broker_url=redis_server.fresh_url(), visibility_s=6, lease_s=6, reconcile_s=5)
    with Client(shop.settings) as client, shop.worker(name="first") as first, shop.worker(name="second") as second:
        handle = client.submit(ProbeInput(work_s=60))
        assert handle.outcome(90).status is Status.SUCCEEDED
        assert shop.noted("starts") == {handle.id: 1}

        other = client.submit(ProbeInput(work_s=60))
        until(lambda: shop.noted("starts")[other.id])
        holder = first if other.id in first.get("/metrics")[1] or metric(first, "jobs_in_hand") else second
        holder.kill()
        killed_at = time.monotonic()
        until(lambda: shop.noted("starts")[other.id] == 2, timeout_s=30)
        assert time.monotonic() - killed_at < 10


def test_bulk_jobs_that_fill_a_worker_leave_places_for_a_chat(shop, client):
    with shop.worker("-c", "4"):
        bulk = [client.submit(ProbeInput(work_s=30), priority=Priority.BULK) for _ in range(8)]
        until(lambda: sum(shop.noted("starts").values()) == 3)

        assert client.submit(ProbeInput(), priority=Priority.INTERACTIVE).outcome(20).status is Status.SUCCEEDED
        assert sum(shop.noted("starts").values()) == 4
        for handle in bulk:
            handle.cancel()


def test_depths_count_what_waits_and_what_is_in_hand(shop, client):
    shop.overrides["publish_grace_s"] = 60  # on a busy machine the reconciler would ring twice
    names = [shop.settings.queue("probe", priority) for priority in Priority]
    depth = ServerDepth(shop.settings)
    with shop.worker("-c", "2") as worker:
        handles = [client.submit(ProbeInput(work_s=30), priority=Priority.STANDARD) for _ in range(5)]
        until(lambda: shop.noted("starts"))

        until(lambda: depth.read()[shop.settings.queue("probe", Priority.STANDARD)] == (4, 1))
        assert set(names) <= depth.read().keys()
        assert (depth.oldest_ready_age_s() or 99.0) < 30
        until(
            lambda: 'queue_depth{queue="storehand.default.standard",state="in_hand"} 1.0' in worker.get("/metrics")[1]
        )
        for handle in handles:
            handle.cancel()
    depth.close()


@pytest.mark.long
def test_two_shops_on_one_database_neither_hear_nor_serve_each_other(tmp_path, redis_server):
    url = redis_server.fresh_url()
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = (Shop(tmp_path / name, broker_url=url, queue_prefix=fresh_name()) for name in ("one", "other"))
    with one.worker(), Client(other.settings) as client:
        handle = client.submit(ProbeInput())
        app = make_celery(other.settings)
        try:
            assert app.control.ping(timeout=1) == []
        finally:
            app.close()
        assert handle.status is Status.QUEUED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # redis-py leaves a refused socket open
@pytest.mark.long
def test_tls_and_a_user_of_its_own_with_the_rights_of_the_documentation(tmp_path):
    needs_redis()
    keys = "~storehand* ~*.storehand.* ~{storehand}* ~_kombu.binding*"
    rights = f"on >s3cret-of-the-shop {keys} &* +@all -@admin -@dangerous +info +config|get"
    with RedisServer(tls=True, users={"shop": rights}) as server:
        made = server.certificates
        assert made is not None
        files = {"broker_ca_file": made.ca, "broker_cert_file": made.cert, "broker_key_file": made.key}
        of_the_store = {name.replace("broker", "store"): file for name, file in files.items()}
        shop = Shop(tmp_path, broker_url=server.url, store_url=server.url, **files, **of_the_store)
        with shop.worker() as worker, Client(shop.settings) as client:
            assert client.submit(ProbeInput()).outcome(10).status is Status.SUCCEEDED
            app = make_celery(shop.settings)
            assert app.control.ping(timeout=10, limit=1)
            app.close()
            assert {check.light for check in broker(shop.settings)} == {Light.GREEN}
            assert "s3cret" not in worker.log_text()
            wrong = shop.worker(name="wrong", broker_url=server.url.replace("s3cret", "s3cret-but-wrong"))
            wrong.start()
            with contextlib.ExitStack() as stack:
                stack.callback(wrong.kill)
                until(lambda: "Cannot connect" in wrong.log_text() or "WRONGPASS" in wrong.log_text(), timeout_s=30)
            assert "s3cret" not in wrong.log_text()

        (tmp_path / "stranger").mkdir()
        stranger = Shop(
            tmp_path / "stranger", **{**files, "broker_url": server.url, "broker_ca_file": made.stranger_ca}
        )
        with Client(stranger.settings) as client, pytest.raises(Unavailable, match=r"(?i)certificate") as refused:
            client.producer.revoke("any")
        assert "s3cret" not in str(refused.value)
        del refused
        gc.collect()


def test_sentinel_names_the_master(tmp_path):
    needs_redis()
    with RedisServer() as master, SentinelServer(master) as sentinel:
        shop = Shop(tmp_path, broker_url=sentinel.url, broker_master_name=sentinel.master_name)
        with shop.worker(), Client(shop.settings) as client:
            assert client.submit(ProbeInput()).outcome(10).status is Status.SUCCEEDED
