"""Messages as no Celery producer would send them, written past every library that could refuse them."""

from __future__ import annotations

import base64
import itertools
import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import amqp
import redis
from amqp.basic_message import Message

from storehand.settings import Settings

_tags = itertools.count(1)


@dataclass(frozen=True)
class Wire:
    """One message: what is said of it, and its body as it goes."""

    body: bytes
    headers: Any
    content_type: Any = "application/json"
    content_encoding: Any = "utf-8"
    properties: Mapping[str, Any] = field(default_factory=dict)
    item: bytes | None = None
    """For a list in Redis: all of it, instead of the above."""


def redis_item(wire: Wire) -> dict[str, Any]:
    """What kombu would push."""
    return {
        "body": base64.b64encode(wire.body).decode(),
        "content-encoding": wire.content_encoding,
        "content-type": wire.content_type,
        "headers": wire.headers,
        "properties": {
            "correlation_id": "c",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "storehand", "routing_key": "storehand"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": f"tag-{next(_tags)}",
            **wire.properties,
        },
    }


class Line(ABC):
    """A broker's intake queue, seen from its far side."""

    @abstractmethod
    def put(self, wire: Wire) -> bool:
        """False where this broker can't carry it."""

    @abstractmethod
    def left(self) -> int:
        """Messages that wait or are in hand."""

    def close(self) -> None:  # noqa: B027  # most have nothing to close
        """The connection, where there is one."""


class RedisLine(Line):
    def __init__(self, settings: Settings) -> None:
        self._client = redis.Redis.from_url(settings.broker_url.get_secret_value())
        self._prefix = settings.queue_prefix

    def put(self, wire: Wire) -> bool:
        item = wire.item
        if item is None:
            item = json.dumps(redis_item(wire)).encode()
        self._client.lpush(self._prefix, item)
        return True

    def left(self) -> int:
        queues = [key for key in self._client.scan_iter(f"{self._prefix}*") if self._client.type(key) == b"list"]
        return sum(self._client.llen(key) for key in queues) + self._client.hlen(f"{self._prefix}.unacked")

    def close(self) -> None:
        self._client.close()


class AmqpLine(Line):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.broker_url.get_secret_value()
        host, _, virtual_host = url.rpartition("@")[2].partition("/")
        user, _, password = url.rpartition("@")[0].partition("://")[2].partition(":")
        self._login = {"host": host, "userid": user, "password": password, "virtual_host": virtual_host or "/"}
        self._connect()
        self._queue = settings.queue_prefix
        self._queues = [f"{self._queue}.default.{name}" for name in ("interactive", "standard", "bulk")]

    def _connect(self) -> None:
        self._connection = amqp.Connection(**self._login)
        self._connection.connect()
        self._channel = self._connection.channel()
        self._channel.confirm_select()

    def put(self, wire: Wire) -> bool:
        message = RawMessage(
            wire.body, application_headers=wire.headers, content_type=wire.content_type,
            content_encoding=wire.content_encoding, delivery_mode=2, **wire.properties,
        )  # fmt: skip
        try:
            message._serialize_properties()
        except Exception:  # what the library can't write, no client of it can send
            return False
        try:
            self._channel.basic_publish_confirm(message, exchange="", routing_key=self._queue)
        except amqp.exceptions.AMQPError:  # RabbitMQ takes no such headers, and ends the connection
            self._connect()
            return False
        return True

    def put_raw(self, properties: bytes, body: bytes) -> bool:
        """Properties as they go over the wire; False where RabbitMQ refuses them, and ends the connection."""
        message = RawMessage(body)
        message.raw = properties
        with line_of(self._settings) as other:
            assert isinstance(other, AmqpLine)
            try:
                other._channel.basic_publish_confirm(message, exchange="", routing_key=self._queue)
            except amqp.exceptions.AMQPError:
                return False
        return True

    def left(self) -> int:
        """Ready ones only: what is in hand, the broker tells nobody here."""
        return sum(
            self._channel.queue_declare(name, passive=True).message_count for name in [self._queue, *self._queues]
        )

    def close(self) -> None:
        with suppress(amqp.exceptions.AMQPError, OSError):
            self._connection.close()


class RawMessage(Message):
    """Properties as bytes, where a test gives some."""

    raw: bytes | None = None

    def _serialize_properties(self) -> bytes:
        return super()._serialize_properties() if self.raw is None else self.raw


class FileLine(Line):
    """The embedded queue's file."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.broker_url.get_secret_value().partition("://")[2]
        self._queue = settings.queue_prefix

    def put(self, wire: Wire) -> bool:
        envelope = {name: value for name, value in redis_item(wire).items() if name != "body"}
        envelope["properties"].pop("body_encoding", None)
        text = json.dumps(envelope) if wire.item is None else wire.item.decode("utf-8", "replace")
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=30)) as db:
            db.execute(
                "INSERT INTO message(queue, at, envelope, body) VALUES (?, ?, ?, ?)",
                (self._queue, time.time(), text, wire.body),
            )
        return True

    def left(self) -> int:
        with closing(sqlite3.connect(self._file, timeout=30)) as db:
            (count,) = db.execute("SELECT count(*) FROM message WHERE queue LIKE ?", (f"{self._queue}%",)).fetchone()
        return int(count)


@contextmanager
def line_of(settings: Settings) -> Iterator[Line]:
    scheme = settings.broker_url.get_secret_value().partition(":")[0]
    kinds: dict[str, Any] = {"redis": RedisLine, "amqp": AmqpLine, "embedded": FileLine}
    line: Line = kinds[scheme](settings)
    try:
        yield line
    finally:
        line.close()
