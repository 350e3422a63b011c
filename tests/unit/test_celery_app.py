from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storehand.celery_app import make_celery, queue_names
from storehand.settings import Settings


def test_queues_stand_in_the_order_they_should_be_served(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, queues=["text", "encoder"])

    assert queue_names(settings) == [
        "storehand.text.interactive",
        "storehand.encoder.interactive",
        "storehand",
        "storehand.text.standard",
        "storehand.encoder.standard",
        "storehand.text.bulk",
        "storehand.encoder.bulk",
    ]


def test_a_producer_declares_also_the_queues_this_worker_does_not_serve(tmp_path: Path):
    app = make_celery(Settings(data_dir=tmp_path, queues=["text"], queue_prefix="acme"))

    assert {"acme", "acme.encoder.bulk", "acme.default.standard", "acme.text.interactive"} <= set(app.amqp.queues)


def test_a_task_goes_to_the_queue_of_its_family_and_foreign_names_to_the_intake(tmp_path: Path):
    app = make_celery(Settings(data_dir=tmp_path))

    def queue_of(name: str) -> str:
        return app.amqp.router.route({}, name)["queue"].name

    assert queue_of("storehand.description") == "storehand.text.standard"
    assert queue_of("storehand.tagline") == "storehand.default.standard"
    assert queue_of("other.task") == "storehand"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost/1", {"queue_order_strategy": "priority", "visibility_timeout": 120}),
        ("amqp://localhost//", {"confirm_publish": True}),
        ("", {"synchronous": "NORMAL", "reserved": {"queues_ending": ".interactive", "count": 16}}),
    ],
)
def test_each_broker_gets_the_options_that_keep_its_messages(tmp_path: Path, url: str, expected: dict[str, object]):
    app = make_celery(Settings(data_dir=tmp_path, broker_url=url, synchronous="NORMAL"))  # type: ignore[arg-type]  # as text

    assert expected.items() <= app.conf.broker_transport_options.items()


def test_queues_are_quorum_queues_on_rabbitmq_only(tmp_path: Path):
    rabbit = make_celery(Settings(data_dir=tmp_path, broker_url="amqp://localhost//"))  # type: ignore[arg-type]  # as text
    redis = make_celery(Settings(data_dir=tmp_path, broker_url="redis://localhost"))  # type: ignore[arg-type]  # as text

    assert {queue.queue_arguments["x-queue-type"] for queue in rabbit.amqp.queues.values()} == {"quorum"}
    assert {str(queue.queue_arguments) for queue in redis.amqp.queues.values()} <= {"None", "{}"}


def test_nothing_but_json_is_accepted_and_messages_are_acked_late(tmp_path: Path):
    conf = make_celery(Settings(data_dir=tmp_path)).conf

    assert conf.accept_content == ["json"]
    assert conf.task_acks_late
    assert not conf.task_reject_on_worker_lost
    assert not conf.worker_deduplicate_successful_tasks


def test_the_current_app_of_the_shop_stays_its_own():
    code = (
        "from celery import Celery, current_app\n"
        "shop = Celery('shop', broker='memory://')\n"
        "from storehand.celery_app import make_celery\n"
        "from storehand.settings import Settings\n"
        "ours = make_celery(Settings(broker_url='memory://'))\n"
        "ours.tasks\n"
        "assert current_app._get_current_object() is shop\n"
        "assert shop.conf.task_default_queue == 'celery'\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
