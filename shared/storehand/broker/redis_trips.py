"""Redis: fewer and cheaper round trips for what kombu does with every message.

A bare acknowledgement is a round trip of its own and was the largest part of a message's cost. Here those of a moment
go together. What is lost when the process dies before is delivered again, and the job store knows what is answered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kombu.transport import redis, virtual
from kombu.utils.json import dumps

from storehand.broker.redis_sending import Sending

GATHER_S = 0.02
"""A worker that dies meanwhile has so many messages more come again. The store knows that they are answered."""


class GatheringQoS(redis.QoS):
    """Of a channel that an event loop serves; elsewhere each acknowledgement is written at once, as kombu does it."""

    channel: Any
    _delivered: Any
    _dirty: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]  # kombu, here and below
        self._settled: list[str] = []
        self._sending = Sending(lambda: self.channel.pool)
        self._open_to_all: set[str] = set()  # tags from queues for which no places are reserved

    def in_hand(self) -> tuple[int, int]:
        """How many of queues with reserved places, how many of others."""
        others = len(self._open_to_all)
        return len(self._delivered) - len(self._dirty) - others, others

    def append(self, message: Any, delivery_tag: str) -> None:
        """As kombu's, without a transaction around its two commands, which travel together anyway."""
        info = message.delivery_info
        entry = dumps([message._raw, info["exchange"], info["routing_key"]])  # type: ignore[no-untyped-call]  # kombu has no types
        self._tell(
            ("ZADD", self.unacked_index_key, time.time(), delivery_tag),
            ("HSET", self.unacked_key, delivery_tag, entry),
        )
        if not self.channel.has_reserved(info["routing_key"] or ""):
            self._open_to_all.add(delivery_tag)
        virtual.QoS.append(self, message, delivery_tag)  # type: ignore[no-untyped-call]  # kombu has no types

    def ack(self, delivery_tag: str) -> None:
        self._open_to_all.discard(delivery_tag)
        self._settled.append(delivery_tag)
        virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]  # kombu has no types
        if not self.channel.connection.is_in_loop:
            self.flush()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if requeue:
            self._open_to_all.discard(delivery_tag)
            self.collect()  # what is put back must have been noted before
            super().reject(delivery_tag, requeue=True)  # type: ignore[no-untyped-call]  # kombu has no types
        else:
            self.ack(delivery_tag)

    def flush(self) -> None:
        """Raises what the connection raises; the acknowledgements then go with the next flush."""
        tags, self._settled = self._settled, []
        if tags:
            try:
                self._tell(("ZREM", self.unacked_index_key, *tags), ("HDEL", self.unacked_key, *tags))
            except BaseException:
                self._settled = tags + self._settled
                raise
        self.collect()

    def collect(self) -> None:
        """Waits for the replies to what was sent; raises what is wrong with them."""
        self._sending.collect()

    def _tell(self, *commands: tuple[Any, ...]) -> None:
        if self.channel.connection.is_in_loop and not self.channel.global_keyprefix:
            self._sending.send(*commands)
            return
        with self.channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            pipe.execute()


class FewerObjects:
    """A mixin for the channel. Kombu makes a new client object for each call, though they share one pool, and writes
    the same command for each message."""

    pool: Any
    _qos: Any
    closed: bool
    connection: Any
    connection_errors: Any
    client: Any
    active_queues: Any
    priority_steps: Any
    brpop_timeout: float
    global_keyprefix: str
    _queue_cycle: Any
    _client_of_calls: Any = None
    _brpop_sent_at: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        self._commands: dict[tuple[Any, ...], Any] = {}
        super().__init__(*args, **options)

    def _brpop_start(self, timeout: float | None = None) -> None:
        timeout = self.brpop_timeout if timeout is None else timeout
        queues = tuple(self._queue_cycle.consume(len(self.active_queues)))
        if not queues:
            return
        connection = self.client.connection
        command = self._commands.get((queues, timeout))
        if command is None:
            command = self._commands[queues, timeout] = self._brpop(connection, queues, timeout)
        self._in_poll = connection
        self._brpop_sent_at = time.monotonic()
        connection.send_packed_command(command)

    def _brpop(self, connection: Any, queues: tuple[str, ...], timeout: float) -> Any:
        key_of: Any = self._q_for_pri  # type: ignore[attr-defined]  # the channel's
        words = ["BRPOP", *(key_of(queue, step) for step in self.priority_steps for queue in queues), timeout or 0]
        words = self.client._prefix_args(words) if self.global_keyprefix else words
        return [b"".join(connection.pack_command(*words))]

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        if client is None:
            client = self._client_of_calls
            if client is None or client.connection_pool is not self.pool:
                client = self._client_of_calls = self._create_client()  # type: ignore[attr-defined]  # the channel's
        yield client

    def close(self) -> None:
        if not self.closed and self._qos is not None:
            lost = (*self.connection_errors, *self.connection.channel_errors)
            with suppress(*lost):  # what is not written comes again, and the store knows that it is answered
                self._qos.flush()
            self._qos._sending.close()
        super().close()  # type: ignore[misc]  # the channel's
        client, self._client_of_calls = self._client_of_calls, None
        if client is not None:  # what was given back while closing went through a new pool
            client.connection_pool.disconnect()


class Gathering:
    """A mixin for the transport: replies are read at the end of each turn of the loop, acknowledgements go out every
    GATHER_S. The places of what is acknowledged are free at once."""

    is_in_loop = False
    channels: Any
    _loop: Any = None
    _is_gathering = False

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        super().register_with_event_loop(connection, loop)  # type: ignore[misc]  # the transport's
        self._loop = loop
        self.is_in_loop = True
        loop.on_tick.add(self._turn)

    def close_connection(self, connection: Any) -> None:
        if self._loop is not None:
            self._loop.on_tick.discard(self._turn)
            self._loop = None
        super().close_connection(connection)  # type: ignore[misc]  # the transport's
        self.is_in_loop = False

    def _turn(self) -> None:
        for channel in list(self.channels):
            qos = channel._qos
            if qos is None:
                continue
            qos.collect()
            if qos._settled and not self._is_gathering:
                self._is_gathering = True
                self._loop.call_later(GATHER_S, self._write)

    def _write(self) -> None:
        self._is_gathering = False
        for channel in list(self.channels):
            if channel._qos is not None:
                channel._qos.flush()
