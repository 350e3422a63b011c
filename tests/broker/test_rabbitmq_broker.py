"""Workers on a real RabbitMQ: what the broker gives up by itself, queues as others declared them, room for chats."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Exchange, Queue

from storehand import Client
from storehand.broker.server_depth import ServerDepth
from storehand.celery_app import make_celery
from storehand.cli.checks import Light
from storehand.cli.servers import rabbit_checks
from storehand.job import Priority, Status
from storehand.settings import Settings
from storehand_worker.dead_queue import REDRIVES
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.servers import RabbitServer
from tests.waiting import until


@pytest.fixture
def shop(tmp_path: Path, rabbit_server: RabbitServer) -> Shop:
    return Shop(tmp_path, broker_url=rabbit_server.fresh_url(), delivery_limit=3)


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


@pytest.fixture
def ours(shop: Shop) -> Iterator[Any]:
    """A producer that knows the queues."""
    app = make_celery(shop.settings)
    yield app
    app.close()


@pytest.fixture
def wire(shop: Shop) -> Iterator[Any]:
    with Connection(shop.settings.broker_url.get_secret_value()) as connection:
        yield connection


def outcome_of(client: Client, job_id: str) -> Any:
    return until(lambda: (row := client.store.get([job_id]).get(job_id)) and row.outcome, timeout_s=20)


def give_back_until_it_is_dead(wire: Any, queue: str, dead_queue: str) -> None:
    """As workers would that die, or whose store is away."""

    def is_dead() -> bool:
        with wire.channel() as channel:
            message = channel.basic_get(queue)
            if message is not None:
                channel.basic_reject(message.delivery_tag, requeue=True)
            return bool(channel.queue_declare(dead_queue, passive=True).message_count)

    until(is_dead)


def test_a_worker_that_is_back_before_rabbitmq_misses_its_old_connection_listens_again(shop, ours, wire):
    """After a cut of the network the queue of its remote control is still in the old connection's hands."""
    with Connection(shop.settings.broker_url.get_secret_value()) as later, warnings.catch_warnings(record=True):
        warnings.simplefilter("always")  # kombu tells of two of one name
        nodes = [ours.control.mailbox(each).Node("w1@shop", channel=each.channel()) for each in (wire, later)]
        listening = [node.listen(callback=print) for node in nodes]

        found = later.default_channel.queue_declare("w1@shop.storehand.control.pidbox", passive=True)
        assert found.consumer_count == len(listening) == 2


def test_a_message_over_the_delivery_limit_comes_back_and_its_job_is_answered(shop, client, ours, wire):
    job_id = ours.send_task("storehand.probe", kwargs={"input": {}}, queue="storehand").id
    give_back_until_it_is_dead(wire, "storehand", "storehand.dead")

    with shop.worker() as worker:
        assert outcome_of(client, job_id).status is Status.SUCCEEDED
        assert "it goes back, the store counts crashes" in worker.log_text()
        assert client.store.dead_letters() == []


def test_a_message_that_went_round_too_often_is_poison_and_a_dead_letter(shop, client, ours, wire):
    again = {"headers": {"storehand-redriven": REDRIVES}}
    job_id = ours.send_task("storehand.probe", kwargs={"input": {}}, queue="storehand", **again).id
    give_back_until_it_is_dead(wire, "storehand", "storehand.dead")

    with shop.worker():
        outcome = outcome_of(client, job_id)

        assert outcome.error is not None
        assert outcome.error.code == "poison"
        [letter] = client.store.dead_letters()
        assert letter.job_id == job_id
        assert "delivery_limit" in letter.reason
        assert shop.noted("starts") == {}


def test_a_plain_message_that_expires_in_the_queue_ends_its_job(shop, client, ours):
    job_id = ours.send_task("storehand.probe", kwargs={"input": {}}, queue="storehand", expires=0.2).id
    depth = ServerDepth(shop.settings)
    until(lambda: depth.read()["storehand"] == (0, None))
    depth.close()

    with shop.worker():
        outcome = outcome_of(client, job_id)

    assert outcome.status is Status.EXPIRED


def test_a_message_that_a_worker_lays_aside_is_not_laid_aside_again_from_the_dead_queue(shop, client, wire):
    with shop.worker() as worker:
        for number in range(2):
            wire.Producer().publish("no job", routing_key="storehand", content_type="text/plain")
            until(lambda number=number: len(client.store.dead_letters()) == number + 1)
        with wire.channel() as channel:
            until(lambda: not channel.queue_declare("storehand.dead", passive=True).message_count)

        assert "a message from storehand is laid aside" in worker.log_text()
        assert len(client.store.dead_letters()) == 2


def test_a_queue_that_the_shop_declared_its_own_way_is_served_as_it_is(shop, client, wire):
    Queue("storehand", Exchange("shop"), routing_key="storehand", durable=True)(wire.default_channel).declare()
    shops_own = Celery("shop", broker=shop.settings.broker_url.get_secret_value(), set_as_current=False)
    shops_own.conf.task_queues = [Queue("storehand", Exchange("shop"), routing_key="storehand", durable=True)]

    with shop.worker() as worker:
        job_id = shops_own.send_task("storehand.probe", kwargs={"input": {}}, queue="storehand", ignore_result=True).id

        assert outcome_of(client, job_id).status is Status.SUCCEEDED
        assert "the queue storehand exists with other arguments" in worker.log_text()
        assert client.submit(ProbeInput()).outcome(10).status is Status.SUCCEEDED
        told = next(check for check in rabbit_checks(shop.settings) if check.name == "queues")
        assert told.light is Light.YELLOW
        assert "inequivalent arg" in told.detail
    shops_own.close()


def user_url(server: RabbitServer, url: str, name: str, *rights: str) -> str:
    """A user who may configure, write and read what these three patterns match."""
    host = url.rpartition("/")[2]
    patterns = ", ".join('<<"{}">>'.format(each.replace("\\", "\\\\")) for each in rights)
    server.call(f'rabbit_auth_backend_internal:add_user(<<"{name}">>, <<"{name}">>, <<"tests">>)')
    server.call(f'rabbit_auth_backend_internal:set_permissions(<<"{name}">>, <<"{host}">>, {patterns}, <<"tests">>)')
    return url.replace("guest:guest", f"{name}:{name}")


WORKERS_RIGHT = r"(^|\.)storehand(\.|$)|^celery_delayed_delivery$|^amq\.default$"


def test_worker_and_plain_producer_need_no_more_rights_than_documented(shop, client, rabbit_server):
    url = shop.settings.broker_url.get_secret_value()
    till = Celery("till", set_as_current=False)
    till.conf.broker_url = user_url(rabbit_server, url, "till", "^$", r"^(amq\.default|storehand)$", "^$")
    own = user_url(rabbit_server, url, "keeper", WORKERS_RIGHT, WORKERS_RIGHT, WORKERS_RIGHT)
    with shop.worker(broker_url=own):
        queue = Queue("storehand", Exchange(""), routing_key="storehand", no_declare=True)
        job_id = till.send_task("storehand.probe", kwargs={"input": {}}, queue=queue, ignore_result=True).id

        assert outcome_of(client, job_id).status is Status.SUCCEEDED
        app = make_celery(Settings(data_dir=shop.folder, broker_url=own))
        assert app.control.ping(timeout=10, limit=1)
        app.close()
    till.close()


def test_a_countdown_waits_in_the_store_and_holds_no_message(shop, client, ours, wire):
    with shop.worker() as worker:
        job_id = ours.send_task("storehand.probe", kwargs={"input": {}}, queue="storehand", countdown=600).id
        row = until(lambda: client.store.get([job_id]).get(job_id))
        assert row.not_before == pytest.approx(row.created_at + 600, abs=30)
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0

    with wire.channel() as channel:  # what the worker had in hand would be back
        assert until(lambda: channel.queue_declare("storehand", passive=True).consumer_count == 0)
        assert channel.queue_declare("storehand", passive=True).message_count == 0


def test_a_queue_that_somebody_deleted_is_declared_again_by_the_next_job(shop, client, wire):
    queue = shop.settings.queue("probe", Priority.STANDARD)
    client.submit(ProbeInput())
    with wire.channel() as channel:
        channel.queue_delete(queue)

        client.submit(ProbeInput())  # RabbitMQ would confirm it and drop it

        assert channel.queue_declare(queue, passive=True).message_count == 1


def test_bulk_jobs_that_fill_a_worker_leave_places_for_a_chat(shop, client):
    with shop.worker("-c", "4"):
        bulk = [client.submit(ProbeInput(work_s=30), priority=Priority.BULK) for _ in range(12)]
        until(lambda: shop.noted("starts"))

        assert client.submit(ProbeInput(), priority=Priority.INTERACTIVE).outcome(20).status is Status.SUCCEEDED
        for handle in bulk:
            handle.cancel()


def test_the_queues_are_as_doctor_wants_them_and_none_of_native_delayed_delivery(shop, rabbit_server):
    host = shop.settings.broker_url.get_secret_value().rpartition("/")[2]
    with shop.worker() as worker:
        every = f'[binary_to_list(element(4, element(2, Q))) || Q <- rabbit_amqqueue:list(<<"{host}">>)]'
        queues = rabbit_server.call(every)
        lights = {check.name: check.light for check in rabbit_checks(shop.settings)}

        assert lights == {"version": Light.GREEN, "queues": Light.GREEN, "longest job": Light.GREEN}
        assert "storehand.dead" in queues
        assert "celery_delayed" not in queues
        assert "direct exchange" not in worker.log_text()


@pytest.mark.long
def test_tls_checks_the_servers_certificate(tmp_path):
    reason = RabbitServer.missing()
    if reason:
        pytest.skip(reason)
    with RabbitServer(tls=True) as server:
        made = server.certificates
        assert made is not None
        files = {"broker_ca_file": made.ca, "broker_cert_file": made.cert, "broker_key_file": made.key}
        shop = Shop(tmp_path, broker_url=server.url, **files)
        with shop.worker(), Client(shop.settings) as client:
            assert client.submit(ProbeInput()).outcome(10).status is Status.SUCCEEDED
