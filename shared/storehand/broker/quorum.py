"""RabbitMQ's quorum queues: how they are declared, and what happens where somebody declared them otherwise."""

from __future__ import annotations

from typing import Any

from amqp.exceptions import AccessRefused, PreconditionFailed
from kombu.entity import Queue
from kombu.log import get_logger

log = get_logger(__name__)

DEAD_SUFFIX = ".dead"
"""The queue of what RabbitMQ gave up itself: delivered too often, or too old."""


def quorum_arguments(delivery_limit: int, dead_queue: str) -> dict[str, Any]:
    """A policy may lower the limit, not raise it. Dead letters take the default exchange: it is always there."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_queue,
    }


class QuorumQueue(Queue):
    """Declares itself and its dead letters' queue, once per connection, on a channel of its own: a refusal closes the
    channel, and must not take a publisher's or a worker's with it.

    A queue that exists with other arguments is used as it is: `doctor` tells what that costs. A user who may not
    declare uses what the workers have declared."""

    def declare(self, nowait: bool = False, channel: Any = None) -> str:
        connection = (channel or self.channel).connection
        arguments: dict[str, Any] = self.queue_arguments or {}  # type: ignore[attr-defined]  # kombu sets it by name
        dead_queue = arguments.get("x-dead-letter-routing-key")
        if dead_queue:
            _try(connection, dead_queue, lambda own: own.queue_declare(dead_queue, durable=True, **_DEAD))
        _try(connection, self.name, lambda own: Queue.declare(self, channel=own))  # type: ignore[no-untyped-call]  # kombu
        return str(self.name)


_DEAD = {"auto_delete": False, "arguments": {"x-queue-type": "quorum"}}


def _try(connection: Any, name: str, declare: Any) -> None:
    own = connection.channel()
    try:
        declare(own)
    except PreconditionFailed as error:
        if error.method_name and "Exchange" in str(error.method_name):
            raise
        log.warning("the queue %s exists with other arguments (%s); it is used as it is", name, error.reply_text)
    except AccessRefused:
        log.info("this user may not declare the queue %s; it is used as it is", name)
    finally:
        if own.is_open:
            own.close()
