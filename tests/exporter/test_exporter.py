"""The exporter beside real brokers and stores: figures while jobs wait, run and end, and while a server is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from storehand import Client
from storehand.broker.database import Database
from storehand.broker.transport import queue_file
from storehand.contracts import DescriptionInput
from storehand.job import NewJob, Outcome, Priority
from storehand.pools import Pool
from storehand.settings import Settings
from storehand.store import Finish, JobStore, open_store
from storehand_worker.exporter import exporter_metric_names, readings
from storehand_worker.exporter import source as source_module
from tests.exporter.scrape import exporting
from tests.project.test_light_client import BLOCKED
from tests.servers import PostgresServer, RabbitServer, RedisServer
from tests.waiting import until

DESCRIPTION = {"task": "description", "priority": "standard"}
OK = Outcome.succeeded({"text": "x"})
MOST_MIB = 150


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of a short name, as sockets lie beside the queue's file."""
    with tempfile.TemporaryDirectory(prefix="exporter-") as folder:
        yield Path(folder)


def settings(folder: Path, **fields: Any) -> Settings:
    return Settings(data_dir=folder, http_port=0, **fields)


def store_of(settings: Settings) -> JobStore:
    return open_store(settings)


def submit(settings: Settings, jobs: int) -> list[str]:
    with Client(settings=settings) as client:
        handles = client.submit_many(
            [DescriptionInput(product=f"Kettle {n}") for n in range(jobs)], priority=Priority.STANDARD
        )
        return [handle.id for handle in handles]


def test_every_series_it_names_has_a_figure_though_no_worker_ever_ran(folder):
    with exporting(settings(folder)) as scraped:
        until(lambda: scraped.get("/readyz")[0] == 200)

        assert exporter_metric_names() <= scraped.names()
        assert scraped.value("reconciler_up") == 0


def test_who_leads_is_asked_at_every_look_though_the_count_beside_it_is_dear(folder, monkeypatch):
    monkeypatch.setattr(readings, "UNRUNG_SHARE", 1e-12)
    read, store = readings.StoreReader(settings(folder)), store_of(settings(folder))
    before = read().upkeep
    store.lead("w1", 60)
    store.bury(queue="q", reason="no JSON", body="{")
    [job] = store.create([NewJob("tagline", {})])
    store.claim([job.id], "w1", 60, max_crashes=3)
    store.release([job.id], "w1")
    after = read().upkeep

    assert (before.leader, before.unrung, before.dead_letters) == (None, 0, 0)
    assert store.upkeep().unrung == 1
    assert (after.leader, after.unrung, after.dead_letters) == ("w1", 0, 1)
    read.close()
    store.close()


def test_jobs_are_followed_from_the_queue_to_their_end(folder):
    given = settings(folder)
    ids = submit(given, 5)
    store = store_of(given)
    with exporting(given) as scraped:
        until(lambda: scraped.value("jobs_waiting", **DESCRIPTION) == 5)
        assert scraped.value("queue_messages", state="ready") >= 1
        assert scraped.value("oldest_waiting_seconds", **DESCRIPTION) > 0

        store.claim(ids, "w1", 60, max_crashes=3)
        until(lambda: scraped.value("jobs_running", **DESCRIPTION) == 5)
        store.release(ids[:1], "w1", not_before=store.now() + 600, count_attempt=True)
        store.finish([Finish(each, OK, "w1", 1) for each in ids[1:4]])
        store.bury(queue="storehand.text.bulk", reason="no JSON", body="{")
        store.lead("w1", 60)
        until(lambda: scraped.value("reconciler_up") == 1)

        assert scraped.value("jobs_running", **DESCRIPTION) == 1
        assert scraped.value("jobs_scheduled", **DESCRIPTION) == 1
        assert scraped.value("jobs_submitted_total", **DESCRIPTION) == 5
        assert scraped.value("jobs_finished_total", **DESCRIPTION) == 3
        assert scraped.value("service_seconds_total", **DESCRIPTION) > 0
        assert scraped.value("dead_letters") == 1
    store.close()


def test_what_the_queue_file_has_laid_aside_is_counted_as_a_dead_letter(folder):
    given = settings(folder)
    submit(given, 1)
    database = Database(Path(queue_file(given.broker_url.get_secret_value())))
    with database.transaction(wait_s=5) as db:
        db.execute(
            "INSERT INTO dead(queue, deliveries, at, reason, envelope, body)"
            " SELECT queue, 9, 1700000000.0, 'delivered too often', envelope, body FROM message"
        )
    database.close()
    with exporting(given) as scraped:
        until(lambda: scraped.value("dead_letters") == 1)


def test_a_scaler_is_told_how_many_workers_a_pool_needs(folder):
    pools = {
        "chat": Pool(families=("text",), slots=4, service_hint_s=10.0, cold_start_s=0),
        "rest": Pool(families=("encoder",)),
    }
    given = settings(folder, pools=pools)
    submit(given, 20)
    with exporting(given) as scraped:
        until(lambda: scraped.json("/required?pool=chat")[1].get("required", 0) > 0)
        status, said = scraped.json("/required?pool=chat")

        assert (status, said["pool"]) == (200, "chat")
        assert said["required"] >= 10.0 / 4 * 20 / 20
        assert said["desired"] == min(-(-said["required"] // 1), 4)
        assert scraped.json("/required?pool=rest") == (200, {"pool": "rest", "required": 0.0, "desired": 1})
        assert scraped.get("/required?pool=nobody")[0] == 404
        assert scraped.get("/required")[0] == 404


def test_a_store_that_is_away_is_unknown_and_not_zero(folder, monkeypatch):
    given = settings(folder, store_url="redis://127.0.0.1:1/0")
    monkeypatch.setattr(source_module, "STALE_S", 60.0)
    with exporting(given) as scraped:
        until(lambda: scraped.value("exporter_up", source="broker") == 1)
        until(lambda: scraped.get("/startupz")[0] == 200)
        status, said = scraped.json("/readyz")

        assert scraped.value("exporter_up", source="store") == 0
        assert scraped.value("jobs_waiting") is None
        assert scraped.value("required_workers") is None
        assert scraped.get("/required?pool=default")[0] == 503
        assert (status, scraped.get("/livez")[0]) == (503, 200)
        assert "store can't be read" in said["reasons"][0]


def test_figures_vanish_when_redis_dies_and_come_back_with_it(folder, monkeypatch):
    monkeypatch.setattr(source_module, "STALE_S", 0.5)
    with RedisServer() as server:
        given = settings(folder, broker_url=server.database_url(0), store_url=server.database_url(1))
        submit(given, 3)
        with exporting(given) as scraped:
            until(lambda: scraped.value("jobs_waiting", **DESCRIPTION) == 3)
            until(lambda: (scraped.value("queue_messages", state="ready") or 0) >= 1)
            server.kill()
            until(lambda: scraped.value("jobs_waiting") is None and scraped.value("queue_messages") is None)
            assert scraped.value("exporter_up") == 0
            assert scraped.value("exporter_age_seconds", source="store") >= 0.5
            server.start()
            until(lambda: scraped.value("exporter_up") == 2)

            until(lambda: scraped.value("jobs_waiting", **DESCRIPTION) == 3)


@pytest.mark.long
def test_figures_come_back_after_a_restart_of_postgresql(folder):
    with PostgresServer() as server:
        given = settings(folder, store_url=server.fresh_url())
        ids = submit(given, 3)
        with exporting(given) as scraped:
            until(lambda: scraped.value("jobs_waiting", **DESCRIPTION) == 3, timeout_s=30)
            server.restart()
            store = store_of(given)
            store.claim(ids[:1], "w1", 60, max_crashes=3)
            store.close()
            until(lambda: scraped.value("jobs_running", **DESCRIPTION) == 1, timeout_s=30)

            assert scraped.value("exporter_up", source="store") == 1
            assert scraped.value("jobs_waiting", **DESCRIPTION) == 2


@pytest.mark.long
def test_messages_at_rabbitmq_are_counted_before_and_after_its_restart(folder):
    with RabbitServer() as server:
        given = settings(folder, broker_url=server.fresh_url())
        submit(given, 3)
        with exporting(given) as scraped:
            until(lambda: (scraped.value("queue_messages", state="ready") or 0) >= 1, timeout_s=30)
            assert scraped.value("queue_messages", state="in_hand") is None
            server.restart()
            until(lambda: scraped.value("exporter_up", source="broker") == 1, timeout_s=60)


def test_the_command_needs_neither_models_nor_plugins_stays_small_and_leaves_on_sigterm(folder):
    code = BLOCKED.replace("'prometheus_client', ", "") + (
        "from storehand.cli import main\n"
        f"sys.argv = ['storehand', 'exporter', '--data-dir', {str(folder)!r}, '--http-port', '0', '--every', '0.1']\n"
        "main()\n"
    )
    environment = {**os.environ, "STOREHAND_LOG_FORMAT": "json"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        said = [json.loads(process.stderr.readline()) for _ in range(3)]
        resident_mib = psutil.Process(process.pid).memory_info().rss / 2**20
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)

    assert any("store is read" in str(line) for line in said), said
    assert resident_mib < MOST_MIB
    assert process.returncode == 0, rest


def test_the_port_that_is_taken_is_said_in_one_line(folder):
    with exporting(settings(folder)) as scraped:
        command = [sys.executable, "-m", "storehand.cli", "exporter", "--data-dir", folder]
        done = subprocess.run([*command, "--http-port", str(scraped.port)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert "STOREHAND_HTTP_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_look_at_a_million_waiting_rows_takes_less_than_a_tenth_of_a_second(folder):
    given = settings(folder, synchronous="NORMAL")
    store = store_of(given)
    for at in range(0, 1_000_000, 5000):
        store.create([NewJob("description", {"p": n}, priority=list(Priority)[n % 3]) for n in range(at, at + 5000)])
    with exporting(given) as scraped:
        until(lambda: scraped.value("jobs_waiting") == 1_000_000, timeout_s=30)

        until(lambda: scraped.value("exporter_read_seconds", source="store") < 0.1)
    store.close()
