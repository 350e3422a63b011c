from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from storehand.errors import Unavailable
from storehand.job import NewJob, Priority
from storehand.producer import Producer
from storehand.settings import Settings
from storehand.store.sqlite import SqliteStore
from tests.unit.forked import in_child


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, synchronous="NORMAL", envelope_items=4)


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.data_dir / "jobs.db", synchronous="NORMAL")
    yield store
    store.close()


@pytest.fixture
def producer(settings: Settings, store: SqliteStore) -> Iterator[Producer]:
    producer = Producer(settings, store)
    yield producer
    producer.close()


def messages(producer: Producer, queue: str) -> list[dict[str, Any]]:
    """Takes what lies at the broker: headers and kwargs."""
    found = []
    with producer._publishing() as (_, channel_owner):
        while (message := channel_owner.channel.basic_get(queue, no_ack=True)) is not None:
            args, kwargs, embed = json.loads(message.body)
            found.append({"headers": message.headers, "args": args, "kwargs": kwargs, "embed": embed})
    return found


def rows(store: SqliteStore, count: int, **fields: Any) -> list[Any]:
    return store.create([NewJob("description", {"n": number}, **fields) for number in range(count)])


def test_a_ring_is_a_celery_message_in_the_queue_of_task_and_priority(producer: Producer, store: SqliteStore):
    job = rows(store, 1, priority=Priority.INTERACTIVE)[0]

    producer.ring([job])

    (message,) = messages(producer, "storehand.text.interactive")
    assert (message["headers"]["task"], message["headers"]["id"]) == ("storehand.description", job.id)
    assert message["headers"]["storehand"]["priority"] == "interactive"
    assert (message["args"], message["kwargs"]) == ([], {"jobs": [job.id]})


def test_a_rung_row_is_marked(producer: Producer, store: SqliteStore):
    job = rows(store, 1)[0]

    producer.ring([job])

    assert store.get([job.id])[job.id].published_at is not None


def test_without_envelope_each_job_has_its_own_message(producer: Producer, store: SqliteStore):
    producer.ring(rows(store, 5))

    assert len(messages(producer, "storehand.text.standard")) == 5


def test_envelopes_hold_jobs_of_one_priority_and_tenant_up_to_the_setting(producer: Producer, store: SqliteStore):
    bulk = rows(store, 6, priority=Priority.BULK)
    other = rows(store, 1, priority=Priority.BULK, tenant="other")
    chat = rows(store, 1, priority=Priority.INTERACTIVE)

    producer.ring([*bulk, *chat, *other], envelope=True)

    sizes = [len(message["kwargs"]["jobs"]) for message in messages(producer, "storehand.text.bulk")]
    assert sorted(sizes) == [1, 2, 4]
    assert len(messages(producer, "storehand.text.interactive")) == 1
    assert all(job.published_at for job in store.find())


def test_many_threads_ring_side_by_side(producer: Producer, store: SqliteStore):
    jobs = rows(store, 40)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda job: producer.ring([job]), jobs))

    rung = {message["headers"]["id"] for message in messages(producer, "storehand.text.standard")}
    assert rung == {job.id for job in jobs}


def test_no_broker_is_unavailable_within_seconds_and_the_rows_stay_unmarked(tmp_path: Path, store: SqliteStore):
    settings = Settings(data_dir=tmp_path, broker_url="amqp://guest@127.0.0.1:1//")  # type: ignore[arg-type]  # as text
    producer = Producer(settings, store)
    jobs = rows(store, 3)
    began = time.monotonic()

    with pytest.raises(Unavailable, match="broker"):
        producer.ring(jobs)

    assert time.monotonic() - began < 5
    assert not any(job.published_at for job in store.find())
    producer.close()


def test_a_closed_producer_connects_again_when_it_must(producer: Producer, store: SqliteStore):
    producer.ring(rows(store, 1))
    producer.close()
    assert not producer.is_connected

    producer.ring(rows(store, 1))

    assert len(messages(producer, "storehand.text.standard")) == 2


def test_a_forked_child_rings_over_its_own_connection(producer: Producer, store: SqliteStore):
    producer.ring(rows(store, 1))

    def ring() -> None:
        assert not producer.is_connected
        producer.ring(rows(store, 1))

    in_child(ring)

    producer.ring(rows(store, 1))
    assert len(messages(producer, "storehand.text.standard")) == 3
