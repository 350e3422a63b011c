"""Passwords in URLs and signing keys: not in a log at DEBUG, not in doctor's answer, not in an error, not in a repr."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from storehand import Client
from storehand.errors import StorehandError
from storehand.settings import read_settings
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.servers import RabbitServer, RedisServer
from tests.waiting import until

SECRET = "Qanary7Passw0rd"  # what is looked for
KEY = "Qanary7Key" * 4
NOBODY = 9  # the discard port: refused


@pytest.fixture(scope="module")
def guarded_redis() -> Iterator[RedisServer]:
    with RedisServer(users={"shop": "on >another ~* &* +@all"}) as server:
        yield server


UNUSABLE = [
    "redis wrong", "rabbitmq refused",
    pytest.param("redis refused", marks=pytest.mark.long), pytest.param("rabbitmq wrong", marks=pytest.mark.long),
]  # fmt: skip


@pytest.fixture(params=UNUSABLE)
def broker_url(request: pytest.FixtureRequest) -> str:
    """One that can't be used, with a password in it."""
    kind, state = str(request.param).split()
    port = NOBODY
    if state == "wrong":
        name = "guarded_redis" if kind == "redis" else "rabbit_server"
        server: RedisServer | RabbitServer = request.getfixturevalue(name)
        port = server.port
    scheme = "redis" if kind == "redis" else "amqp"
    return f"{scheme}://shop:{SECRET}@127.0.0.1:{port}/0"


@pytest.fixture
def shop(broker_url: str, tmp_path: Path) -> Shop:
    return Shop(tmp_path, broker_url=broker_url, signing_keys=json.dumps([KEY]), log_level="DEBUG")


def test_a_worker_that_can_not_connect_does_not_tell(shop: Shop) -> None:
    worker = shop.worker("-l", "DEBUG")
    worker.start()
    try:
        until(lambda: worker.exit_code() is not None or _has_tried(worker.log_text()), timeout_s=60)
    finally:
        worker.__exit__(None, None, None)

    assert SECRET not in worker.log_text()
    assert KEY not in worker.log_text()


def _has_tried(text: str) -> bool:
    return any(words in text for words in ("Cannot connect to", "Trying again", "ACCESS_REFUSED", "WRONGPASS"))


def test_a_client_that_can_not_connect_does_not_tell(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Client(shop.settings) as client:
        handle = client.submit(ProbeInput())
        try:
            client.producer.ring([handle.job])
        except StorehandError as error:
            told = "".join(traceback.format_exception(error)) + repr(error)
        else:
            told = "it rang"
        assert "can't be reached" in told or "away" in told
        for text in (told, caplog.text, repr(client), repr(client.settings), str(client.settings.model_dump())):
            assert SECRET not in text
            assert KEY not in text


def test_doctor_does_not_tell(shop: Shop) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "storehand.cli", "doctor", "--json"],
        env=shop.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert json.loads(done.stdout)
    assert SECRET not in done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_store_that_can_not_be_reached_does_not_tell(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{scheme}://shop:{SECRET}@127.0.0.1:{NOBODY}/0"
    try:
        with Client(store_url=url) as client:
            client.submit(ProbeInput())
    except StorehandError as error:
        told = "".join(traceback.format_exception(error))
    assert SECRET not in told + caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"broker_url": f"nobody://shop:{SECRET}@host/0"},
        {"store_url": f"nobody://shop:{SECRET}@host/0"},
        {"signing_keys": [SECRET]},
        {"signing_keys": f'["{SECRET}'},
        {"broker_url": [SECRET]},
        {SECRET: SECRET, "concurrency": SECRET},
    ],
    ids=["broker", "store", "short key", "broken keys", "type", "number"],
)
def test_a_wrong_setting_is_named_without_its_value(wrong: dict[str, object]) -> None:
    try:
        with Client(**wrong):
            told = ""
    except StorehandError as error:
        told = "".join(traceback.format_exception(error))
    assert told
    assert SECRET not in told.replace(f"{SECRET}: Extra", "")


def test_keys_and_urls_show_nothing_of_themselves() -> None:
    settings = read_settings(broker_url=f"redis://:{SECRET}@host/0", signing_keys=[KEY])

    assert SECRET not in repr(settings) + settings.model_dump_json()
    assert KEY not in repr(settings) + settings.model_dump_json()
