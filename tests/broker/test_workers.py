"""The promises of the embedded broker, kept by real Celery workers that are killed, stopped and locked out."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from storehand.broker import queue_depths
from tests.broker.workers import Shop
from tests.waiting import until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def test_fifty_jobs_in_hand_at_a_kill_all_come_back_at_the_restart(shop: Shop) -> None:
    killed = shop.worker(concurrency=50)
    shop.send("tiny.hold", *range(50))
    until(lambda: len(shop.count("started")) == 50, timeout_s=30)
    assert queue_depths(shop.queue)["jobs"] == (0, 50)

    killed.kill()
    killed.wait()
    shop.release()
    shop.worker(concurrency=50)

    until(lambda: len(shop.count("ended")) == 50, timeout_s=30)
    until(lambda: queue_depths(shop.queue)["jobs"] == (0, 0), timeout_s=30)
    assert set(shop.count("started").values()) == {2}


def test_a_live_worker_takes_over_from_a_killed_one_and_its_own_jobs_run_once(shop: Shop) -> None:
    first = shop.worker(concurrency=4)
    shop.send("tiny.hold", *range(4))
    until(lambda: len(shop.count("started")) == 4)
    shop.worker(concurrency=8)
    shop.send("tiny.hold", *range(100, 104))
    until(lambda: len(shop.count("started")) == 8)

    first.kill()
    first.wait()

    until(lambda: sum(shop.count("started").values()) == 12, timeout_s=20)
    shop.release()
    until(lambda: queue_depths(shop.queue)["jobs"] == (0, 0))
    started = shop.count("started")
    assert [started[job] for job in range(4)] == [2] * 4
    assert [started[job] for job in range(100, 104)] == [1] * 4


def test_a_stopped_worker_finishes_what_it_runs_and_loses_nothing(shop: Shop) -> None:
    worker = shop.worker(concurrency=4)
    shop.send("tiny.work", *range(30), kwargs={"seconds": 0.2})
    until(lambda: len(shop.count("started")) >= 6)

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=40) == 0

    ended = shop.count("ended")
    assert shop.count("started") == ended
    assert set(ended.values()) == {1}
    assert queue_depths(shop.queue)["jobs"] == (30 - len(ended), 0)


def test_one_worker_answers_is_cheap_when_idle_and_survives_a_locked_file(shop: Shop) -> None:
    """One worker for several promises, because starting one takes longer than all of them."""
    worker = shop.worker(concurrency=4)
    control = shop.app.control

    assert control.inspect(timeout=15, limit=1).ping() == {"w0@shop": {"ok": "pong"}}

    shop.send("tiny.hold", *range(4))
    until(lambda: len(shop.count("started")) == 4)
    (revoked,) = shop.send("tiny.work", 50)
    control.revoke(revoked, reply=True, timeout=15, limit=1)
    sent = time.time()
    (later,) = shop.send("tiny.work", 51, countdown=1.0)
    shop.release()
    until(lambda: shop.count("ended")[51])
    assert time.time() - sent > 0.9, later
    until(lambda: queue_depths(shop.queue)["jobs"] == (0, 0))
    assert not shop.count("started")[50]

    with closing(sqlite3.connect(shop.queue, isolation_level=None)) as other:
        shop.send("tiny.work", *range(200, 220), kwargs={"seconds": 0.05})
        until(lambda: shop.count("started")[200])
        other.execute("BEGIN IMMEDIATE")
        locked = time.monotonic()
        until(lambda: time.monotonic() - locked > 3.5)
        other.execute("ROLLBACK")
    until(lambda: queue_depths(shop.queue)["jobs"] == (0, 0))
    assert {job: times for job, times in shop.count("ended").items() if job >= 200} == dict.fromkeys(range(200, 220), 1)
    assert worker.poll() is None
    assert "Connection to broker lost" not in shop.log.read_text()

    process = psutil.Process(worker.pid)
    before, start = process.cpu_times(), time.monotonic()
    until(lambda: time.monotonic() - start > 2.0)
    after, elapsed_s = process.cpu_times(), time.monotonic() - start
    spent_s = after.user + after.system - before.user - before.system
    assert spent_s < 0.1 * elapsed_s  # of what passed: a slow machine may stop this process for longer than 2 s
