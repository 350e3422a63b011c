"""What no client library would write: items in Redis lists and properties on RabbitMQ that can't even be parsed."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import redis

from storehand import Client
from storehand.broker.inbound import KEPT_BYTES
from storehand.celery_app import make_celery
from storehand.store import DeadLetter
from tests.guards.wire import AmqpLine, Line, Wire, redis_item
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.waiting import until

BODY = json.dumps([[], {"input": {}}, {}]).encode()
HEADERS = {"task": "storehand.probe", "lang": "py"}


def _wire(name: str, **fields: Any) -> Wire:
    return Wire(BODY, {**HEADERS, "id": name}, **fields)


def _item(name: str, **changed: Any) -> bytes:
    return json.dumps({**redis_item(_wire(name)), **changed}).encode()


def _without(name: str, field: str) -> bytes:
    return json.dumps({key: value for key, value in redis_item(_wire(name)).items() if key != field}).encode()


def _properties(name: str, **changed: Any) -> bytes:
    item = redis_item(_wire(name))
    return json.dumps({**item, "properties": {**item["properties"], **changed}}).encode()


ITEMS = {
    "not JSON": b"hello not-JSON",
    "empty": b" ",
    "bytes": b"\xff\xfe\x00\x01 bytes",
    "a number": b"17",
    "a list": b"[1, 2]",
    "null": b"null",
    "20,000 deep": b"[" * 20_000 + b"]" * 20_000,
    "NaN": b"NaN",
    "no properties": _without("no properties", "properties"),
    "properties null": _item("properties null", properties=None),
    "no body": _without("no body", "body"),
    "body null": _item("body null", body=None),
    "body a number": _item("body a number", body=5),
    "bad base64": _item("bad base64", body="%%%"),
    "half a surrogate": _properties("half a surrogate", body_encoding=None).replace(b'"body": "', b'"body": "\\ud800'),
    "encoding unknown": _properties("encoding unknown", body_encoding="rot13"),
    "encoding an object": _properties("encoding an object", body_encoding={}),
    "delivery_info a list": _properties("delivery_info a list", delivery_info=[1]),
    "headers a list": _item("headers a list", headers=[1]),
    "content type an object": json.dumps({**redis_item(_wire("content type an object")), "content-type": {}}).encode(),
    "cut off": _item("cut off")[:150],
}

FINE = {
    "no tag": _properties("no tag", delivery_tag=None),
    "a tag twice": _properties("a tag twice", delivery_tag={"a": 1}),
    "no delivery_info": _properties("no delivery_info", delivery_info={}),
    "priority infinite": _properties("priority infinite", priority=float("inf")),
    "priority text": _properties("priority text", priority="high"),
    "an exchange nobody knows": _properties(
        "an exchange nobody knows", delivery_info={"exchange": {}, "routing_key": 7}
    ),
    "body is plain text": _properties("body is plain text", body_encoding=None).replace(
        redis_item(_wire("x"))["body"].encode(), BODY.replace(b'"', b'\\"')
    ),
}


def _table(entries: bytes) -> bytes:
    """A header table with nothing but these entries, as the only property."""
    return struct.pack(">HI", 1 << 13, len(entries)) + entries


def _entry(key: bytes, kind: bytes, value: bytes) -> bytes:
    return bytes([len(key)]) + key + kind + value


UNREADABLE = {
    "a type nobody knows": _table(_entry(b"task", b"?", b"")),
    "a timestamp out of range": _table(_entry(b"at", b"T", b"\xff" * 8)),
    "a text that ends too soon": _table(_entry(b"task", b"S", struct.pack(">I", 1000) + b"x")),
    "a decimal of nothing": _table(_entry(b"d", b"D", b"\xff")),
    "a table in a table": _table(_entry(b"f", b"F", struct.pack(">I", 5) + b"\x01a?")),
}


@pytest.fixture
def letters(client: Client) -> Any:
    before = {letter.id for letter in client.store.dead_letters(1000)}
    return lambda: [letter for letter in client.store.dead_letters(1000) if letter.id not in before]


@pytest.mark.parametrize("broker", ["redis"], indirect=True, scope="module")
class TestItemsOfARedisList:
    def test_each_that_is_no_message_is_laid_aside_once_and_the_next_job_is_answered(
        self, line: Line, client: Client, worker: WorkerProcess, letters: Any
    ) -> None:
        for item in ITEMS.values():
            line.put(Wire(b"", {}, item=item))

        assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"
        until(lambda: len(letters()) >= len(ITEMS), timeout_s=20)
        until(lambda: line.left() == 0)
        kept = sorted(letter.body for letter in letters())
        assert kept == sorted(item[:KEPT_BYTES].decode("utf-8", "backslashreplace") for item in ITEMS.values())
        assert worker.exit_code() is None

    def test_who_waits_for_a_job_that_an_unreadable_item_names_gets_its_error(self, line: Line, client: Client) -> None:
        line.put(Wire(b"", {}, item=_item("named", body=None)))

        ended = until(lambda: (row := client.store.get(["named"]).get("named")) and row.outcome, timeout_s=20)

        assert ended is not None
        assert ended.code == "malformed_message"

    def test_odd_properties_that_say_nothing_about_the_job_do_no_harm(self, line: Line, client: Client) -> None:
        for item in FINE.values():
            line.put(Wire(b"", {}, item=item))

        until(lambda: all(_status(client, name) == "succeeded" for name in FINE), timeout_s=20)
        until(lambda: line.left() == 0)

    def test_an_item_over_the_limit_is_not_even_parsed(
        self, line: Line, client: Client, shop: Shop, letters: Any
    ) -> None:
        size = shop.settings.message_max_bytes * 2
        line.put(Wire(b"", {}, item=_item("giant", body="A" * size)))

        [letter] = until(letters, timeout_s=20)

        assert "bytes, over the" in letter.reason
        assert len(letter.body) <= KEPT_BYTES
        assert _status(client, "giant") == "failed"

    def test_junk_in_the_hash_of_unacked_messages_is_laid_aside_too(
        self, line: Line, shop: Shop, client: Client, letters: Any
    ) -> None:
        with redis.Redis.from_url(shop.settings.broker_url.get_secret_value()) as raw:
            for tag, entry in (("j1", "no JSON"), ("j2", "[1]"), ("j3", '[{"headers": 5}, "", "storehand"]')):
                raw.hset("storehand.unacked", tag, entry)
                raw.zadd("storehand.unacked_index", {tag: 1.0})

        found: list[DeadLetter] = until(lambda: len(letters()) >= 3 and letters(), timeout_s=30)

        assert len(found) == 3
        assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"

    def test_broadcasts_that_can_not_be_read_are_dropped(
        self, line: Line, shop: Shop, client: Client, worker: WorkerProcess
    ) -> None:
        url = shop.settings.broker_url.get_secret_value()
        topic = f"/{url.rpartition('/')[2]}.{make_celery(shop.settings).control.mailbox.exchange.name}"
        with redis.Redis.from_url(url) as raw:
            for data in (b"no JSON", b"null", b"[]", b'{"properties": 5}', b"{}", b"[" * 5000 + b"]" * 5000):
                assert raw.publish(topic, data) == 1

        until(lambda: "can't be read" in worker.log_text())
        assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"
        assert worker.exit_code() is None


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True, scope="module")
class TestPropertiesOnRabbitMQ:
    def test_those_that_can_not_be_read_are_laid_aside_once_and_the_connection_stays(
        self, line: Line, client: Client, worker: WorkerProcess, letters: Any
    ) -> None:
        assert isinstance(line, AmqpLine)
        taken = [line.put_raw(raw, body) for raw in UNREADABLE.values() for body in (BODY, b"")]

        assert sum(taken) >= 2, "RabbitMQ hands none of them on"
        until(lambda: len(letters()) == sum(taken), timeout_s=20)
        assert {letter.reason for letter in letters()} == {"its properties or headers can't be read"}
        assert client.submit(ProbeInput(text="next")).result(timeout=20).text == "next"
        until(lambda: line.left() == 0)
        assert "Connection to broker lost" not in worker.log_text()
        assert worker.exit_code() is None

    def test_a_body_is_kept_as_it_came_whatever_its_encoding_claims(
        self, line: Line, client: Client, letters: Any
    ) -> None:
        body = b'[[], {"input": {"text": "an even number"}}, {} ]'
        assert len(body) % 2 == 0
        line.put(Wire(body, {"task": "shop.nobody", "id": "u"}, content_encoding="utf-16"))

        [letter] = until(letters, timeout_s=20)

        assert letter.body == body.decode()

    def test_odd_values_in_headers_do_no_harm(self, line: Line, client: Client, letters: Any) -> None:
        odd = {"a": None, "b": True, "c": 1.5, "d": [1, {"e": "f"}], "g": {"h": None}, "i": "\x00"}
        line.put(Wire(BODY, {**HEADERS, **odd, "id": "odd-headers"}))

        until(lambda: _status(client, "odd-headers") == "succeeded", timeout_s=20)


def _status(client: Client, job_id: str) -> str | None:
    row = client.store.get([job_id]).get(job_id)
    return None if row is None else str(row.status)
