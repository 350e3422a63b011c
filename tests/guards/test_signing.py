"""Signatures: what they cover, and that a worker that asks for them believes nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery.signals import before_task_publish
from kombu.message import Message
from pydantic import SecretStr

from storehand import Client
from storehand.celery_app import make_celery
from storehand.errors import SettingsError
from storehand.job import NewJob
from storehand.settings import read_settings
from storehand.signing import HEADER, accepts, sign, sign_messages
from tests.guards.wire import Line, Wire
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

KEY, OLD_KEY, STRANGE_KEY = "k" * 32, "o" * 32, "s" * 32
KEYS = (SecretStr(KEY), SecretStr(OLD_KEY))
TASK, WEEK_S = "storehand.probe", 7 * 86400.0
KWARGS = {"input": {"text": "hello", "n": 1.5, "ja": "はい"}}


def _message(
    *, headers: Any = None, args: Any = (), kwargs: Any = KWARGS, embed: Any = None, key: str = KEY
) -> Message:
    signed = sign(key, TASK, "id-1", kwargs=KWARGS, now=1000)
    return Message(
        json.dumps([list(args), kwargs, embed or {"callbacks": None, "chain": None}]),
        headers={"task": TASK, "id": "id-1", **signed, **(headers or {})},
        content_type="application/json", content_encoding="utf-8", accept={"application/json"},
    )  # fmt: skip


def _accepted(message: Message, *, now: float = 1001) -> bool:
    return accepts(KEYS, message, max_age_s=WEEK_S, now=now)


def test_a_message_is_accepted_as_it_was_signed() -> None:
    assert _accepted(_message())


def test_a_key_that_no_longer_signs_is_still_accepted_and_a_strange_one_never() -> None:
    assert _accepted(_message(key=OLD_KEY))
    assert not _accepted(_message(key=STRANGE_KEY))


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"task": "storehand.chat"}},
        {"headers": {"id": "id-2"}},
        {"headers": {"eta": "2031-01-01T00:00:00"}},
        {"headers": {"expires": 5}},
        {"headers": {"timelimit": [1, None]}},
        {"args": ["more"]},
        {"kwargs": {"input": {"text": "bye"}}},
        {"embed": {"callbacks": [{"task": "shop.pay"}]}},
        {"headers": {HEADER: None}},
        {"headers": {HEADER: {"at": 1000, "hmac": "0" * 64}}},
        {"headers": {HEADER: {"at": 1000.0, "hmac": 5}}},
        {"headers": {HEADER: {"at": 999, "hmac": sign(KEY, TASK, "id-1", kwargs=KWARGS, now=1000)[HEADER]["hmac"]}}},
    ],
    ids=str,
)
def test_whatever_is_changed_the_signature_no_longer_fits(change: Any) -> None:
    assert not _accepted(_message(**change))


def test_a_signature_counts_as_long_as_rows_are_kept() -> None:
    assert _accepted(_message(), now=1000 + WEEK_S - 1)
    assert not _accepted(_message(), now=1000 + WEEK_S + 1)


def test_a_body_that_can_not_be_read_is_not_signed() -> None:
    message = Message("[", headers={"task": TASK, "id": "a", **sign(KEY, TASK, "a")}, content_type="application/json")

    assert not _accepted(message)


def test_keys_are_long_and_are_there_when_signatures_are_asked_for() -> None:
    with pytest.raises(SettingsError, match="fewer than 32"):
        read_settings(signing_keys=["short"])
    with pytest.raises(SettingsError, match="needs signing_keys"):
        read_settings(require_signature=True)


@pytest.fixture(scope="module", params=["embedded", "redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shop(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    keys = json.dumps([KEY, OLD_KEY])
    return Shop(
        tmp_path_factory.mktemp("shop"), broker_url=broker_url, signing_keys=keys, require_signature=True
    )  # fmt: skip


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


@pytest.fixture
def plain(shop: Shop, worker: WorkerProcess) -> Iterator[Celery]:
    app = make_celery(shop.settings.model_copy(update={"signing_keys": ()}))
    yield app
    app.close()


def test_our_client_signs_single_jobs_and_envelopes(client: Client, worker: WorkerProcess) -> None:
    handles = [client.submit(ProbeInput(text="1")), *client.submit_many([ProbeInput(text="2"), ProbeInput(text="3")])]

    assert [handle.result(timeout=20).text for handle in handles] == ["1", "2", "3"]


def test_a_plain_producer_signs_one_message(plain: Any, client: Client) -> None:
    kwargs = {"input": {"text": "signed"}}
    plain.send_task(TASK, kwargs=kwargs, task_id="signed-1", headers=sign(OLD_KEY, TASK, "signed-1", kwargs=kwargs))

    assert _outcome(client, "signed-1").unwrap()["text"] == "signed"


def test_a_plain_producer_signs_everything_it_sends(plain: Any, client: Client) -> None:
    sign_messages(KEY)
    try:
        link = plain.signature("shop.next", queue="elsewhere")
        sent = plain.send_task(TASK, kwargs={"input": {"text": "all"}}, link=link, expires=600, time_limit=60)
    finally:
        before_task_publish.disconnect(dispatch_uid="storehand.signing")

    assert _outcome(client, sent.id).unwrap()["text"] == "all"


def test_an_unsigned_message_is_laid_aside_and_ends_no_job(
    plain: Any, client: Client, line: Line, worker: WorkerProcess
) -> None:
    [victim] = client.store.create([NewJob(task="probe", input={}, not_before=time.time() + 600)])
    before = client.store.stats().dead_letters
    plain.send_task(TASK, kwargs={"input": {}}, task_id="unsigned-1")
    plain.send_task(TASK, kwargs={"jobs": [victim.id]}, task_id=victim.id)
    plain.send_task(TASK, kwargs={"jobs": [victim.id]}, task_id=victim.id, expires=0.001)
    plain.send_task("storehand.nobody", kwargs={"jobs": [victim.id]}, task_id=victim.id)
    line.put(Wire(b"null", {"task": TASK, "id": victim.id}))
    line.put(Wire(b"[", {"task": TASK, "id": victim.id}, content_type="text/plain"))

    until(lambda: client.store.stats().dead_letters >= before + 6, timeout_s=20)

    letters = client.store.dead_letters(6)
    assert [letter.job_id for letter in letters] == [None] * 6
    assert "unsigned-1" not in client.store.get(["unsigned-1", victim.id])
    assert client.store.get([victim.id])[victim.id].outcome is None
    assert KEY not in worker.log_text()
    assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"


def test_a_message_sent_twice_is_answered_once(plain: Any, client: Client, shop: Shop) -> None:
    kwargs = {"input": {"text": "again"}}
    for _ in range(3):
        plain.send_task(TASK, kwargs=kwargs, task_id="twice", headers=sign(KEY, TASK, "twice", kwargs=kwargs))
    assert _outcome(client, "twice").unwrap()["text"] == "again"

    assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"
    assert shop.noted("ends")["twice"] == 1


def _outcome(client: Client, job_id: str) -> Any:
    return until(lambda: (row := client.store.get([job_id]).get(job_id)) and row.outcome, timeout_s=20)
