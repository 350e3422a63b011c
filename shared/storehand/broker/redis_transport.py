"""kombu's Redis transport, which no item in a list and no entry in a hash can kill or send into a loop."""

from __future__ import annotations

import json
from queue import Empty
from typing import Any

from kombu.log import get_logger
from kombu.transport import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storehand.broker.inbound import read_item
from storehand.broker.redis_reserve import Reserving
from storehand.broker.redis_trips import FewerObjects, Gathering, GatheringQoS

log = get_logger(__name__)

NO_ENTRY = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class QoS(GatheringQoS):
    """What is not acked yet lies in a hash that everybody with write access may fill with anything."""

    channel: Any

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """An entry that is no message goes to the head of a queue as it is: there it is laid aside like any other.
        Raised here, the error would come again at every round, in every worker."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)  # type: ignore[no-untyped-call]  # kombu
        except NO_ENTRY:
            log.warning("an entry of %s is no message; it goes to a queue and is laid aside there", self.unacked_key)
            self._requeue_raw(tag)

    def _requeue_raw(self, tag: Any) -> None:
        queues = self.channel.active_queues
        with self.channel.conn_or_acquire() as client:
            raw = client.hget(self.unacked_key, tag)
            with client.pipeline() as pipe:
                pipe.zrem(self.unacked_index_key, tag).hdel(self.unacked_key, tag)
                if raw and queues:
                    pipe.rpush(queues[0], raw)
                pipe.execute()


class _Guarded:
    """The places where kombu's channel reads what others wrote."""

    QoS = QoS
    message_max_bytes = 8 * 1024 * 1024

    client: Any
    connection: Any
    connection_errors: Any
    sep: str
    _queue_cycle: Any
    _in_poll: Any

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """redis-py would mend a lost connection by itself and then wait on the new one for the answer to what was asked
        on the old: the event loop stood still for good. An error is the consumer's, which connects anew."""
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # the channel's
        return {**parameters, "retry": Retry(NoBackoff(), 0), "retry_on_timeout": False}

    def _brpop_read(self, **options: Any) -> bool:
        """As kombu's, but with `read_item` in the place of `json.loads`: by then the item is out of the list, so an
        error here loses it, and one that is no connection error ends the worker."""
        try:
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()  # the next round connects anew
                raise
            if not found:
                raise Empty
            key, item = found
            queue = key.decode("utf-8", "replace").rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(read_item(item, queue, max_bytes=self.message_max_bytes), queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()  # type: ignore[attr-defined]  # the channel's

    def _do_restore_message(
        self, payload: Any, exchange: Any, routing_key: Any, pipe: Any, leftmost: bool = False
    ) -> None:
        """As kombu's, which logs a payload that it can't handle, with all that is in it, and then forgets it."""
        payload["headers"]["redelivered"] = True
        payload["properties"]["delivery_info"]["redelivered"] = True
        priority = self._get_message_priority(payload)  # type: ignore[attr-defined]  # the channel's, as the next two
        for queue in self._lookup(exchange, routing_key):  # type: ignore[attr-defined]  # the channel's
            key = self._q_for_pri(queue, priority)  # type: ignore[attr-defined]  # the channel's
            (pipe.lpush if leftmost else pipe.rpush)(key, json.dumps(payload))

    def _handle_message(self, client: Any, r: Any) -> dict[str, Any]:
        """Broadcasts: remote control and events. One that can't be read is dropped; nobody waits for it."""
        message: dict[str, Any] = super()._handle_message(client, r)  # type: ignore[misc]  # the channel's
        if isinstance(message["data"], bytes) and not _is_broadcast(message["data"]):
            log.warning("a broadcast can't be read; it is dropped")
            message["data"] = None
        return message


def _is_broadcast(data: bytes) -> bool:
    try:
        message = json.loads(data)
        properties = message["properties"]
        return isinstance(message.get("headers"), dict) and {"delivery_tag", "delivery_info"} <= properties.keys()
    except NO_ENTRY:
        return False


class Channel(_Guarded, Reserving, FewerObjects, redis.Channel):  # pyright: ignore  # mixins beside untyped kombu
    from_transport_options: Any = (*redis.Channel.from_transport_options, "message_max_bytes", "reserved")


class SentinelChannel(_Guarded, Reserving, FewerObjects, redis.SentinelChannel):  # pyright: ignore  # mixins beside untyped kombu
    from_transport_options: Any = (*redis.SentinelChannel.from_transport_options, "message_max_bytes", "reserved")


class Transport(Gathering, redis.Transport):
    """For redis://, rediss:// and a unix socket."""

    Channel = Channel


class SentinelTransport(Gathering, redis.SentinelTransport):
    """For sentinel://."""

    Channel = SentinelChannel
