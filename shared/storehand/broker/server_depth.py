"""How much waits at a Redis or RabbitMQ server, for metrics and `doctor`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from amqp.exceptions import NotFound

from storehand.brokers import declared_queues, hasty_connection
from storehand.settings import Settings

Depth = tuple[int, int | None]
"""Ready, and in some worker's hand; None where the broker does not say (RabbitMQ says it to its own console only)."""

_IN_HAND = """
local found = {}
for _, entry in ipairs(redis.call('HVALS', KEYS[1])) do
  local queue = string.match(entry, '"([^"\\\\]*)"%s*%]$') or '?'
  found[queue] = (found[queue] or 0) + 1
end
local flat = {}
for queue, count in pairs(found) do table.insert(flat, queue) table.insert(flat, count) end
return flat
"""
"""An entry is [message, exchange, queue]; counted where it lies, for messages may be large."""


class ServerDepth:
    """Keeps its connection; not thread-safe. Raises what the transport raises while the broker is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = [str(queue.name) for queue in declared_queues(settings)]
        self._connection: Any = None

    def read(self) -> dict[str, Depth]:
        """Queue -> depth, of all queues of these settings; those that do not exist yet are empty."""
        try:
            channel = self._channel()
            return self._of_redis(channel) if self._settings.is_redis else self._of_rabbit(channel)
        except Exception:
            self.close()
            raise

    def oldest_ready_age_s(self) -> float | None:
        """Since the oldest message of our own clients was sent; None where none waits, or none tells."""
        if not self._settings.is_redis:
            return None
        channel = self._channel()
        with channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for name in self._names:
                pipe.lindex(name, -1)
            sent = [_sent_at(item) for item in pipe.execute() if item]
        known = [at for at in sent if at is not None]
        return max(0.0, time.time() - min(known)) if known else None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is of no use any more
                connection.release()

    def _channel(self) -> Any:
        if self._connection is None:
            self._connection = hasty_connection(self._settings)
        return self._connection.default_channel

    def _of_redis(self, channel: Any) -> dict[str, Depth]:
        steps = channel.priority_steps
        with channel.conn_or_acquire() as client:
            with client.pipeline(transaction=False) as pipe:
                for name in self._names:
                    for step in steps:
                        pipe.llen(channel._q_for_pri(name, step))
                sizes = pipe.execute()
            in_hand = _pairs(client.eval(_IN_HAND, 1, channel.unacked_key))
        ready = [sum(sizes[at : at + len(steps)]) for at in range(0, len(sizes), len(steps))]
        return {name: (waiting, in_hand.get(name, 0)) for name, waiting in zip(self._names, ready, strict=True)}

    def _of_rabbit(self, channel: Any) -> dict[str, Depth]:
        found: dict[str, Depth] = {}
        for name in self._names:
            own = channel.connection.channel()  # asking for a queue that is not there closes the channel
            try:
                found[name] = own.queue_declare(name, passive=True).message_count, None
            except NotFound:
                found[name] = 0, None
            finally:
                if own.is_open:
                    own.close()
        return found


def _pairs(flat: Sequence[Any]) -> Mapping[str, int]:
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in flat[::2]]
    return dict(zip(names, map(int, flat[1::2]), strict=True))


def _sent_at(item: Any) -> float | None:
    try:
        at = json.loads(item)["headers"]["storehand"]["sent_at"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return at if isinstance(at, int | float) else None
