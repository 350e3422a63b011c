"""RabbitMQ: how many messages of each queue this worker takes in hand, as quorum queues count per consumer."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import kombu.messaging
from amqp.exceptions import ChannelError

from storehand.brokers import prefetch
from storehand.settings import Settings

Consumer: Any = kombu.messaging.Consumer  # kombu has no types

DELAYED = "celery_delayed_delivery"
"""Where native delayed delivery sends a message when it is due; shops with quorum queues of their own use it."""


class SharedConsumer(Consumer):
    """Celery's task consumer. Interactive queues may fill the worker, others only what is not reserved."""

    def __init__(self, channel: Any, *args: Any, settings: Settings, **options: Any) -> None:
        self._settings = settings
        super().__init__(channel, *args, **options)

    def declare(self) -> None:
        """Binds the queues to the exchange of delayed messages too: a shop's countdown must not end nowhere."""
        super().declare()
        channel = self.channel.connection.channel()  # one of its own: a refusal closes it
        with suppress(ChannelError):
            channel.exchange_declare(DELAYED, "topic", durable=True, auto_delete=False)
            for name in self._queues:
                channel.queue_bind(name, DELAYED, f"#.{name}")
        if channel.is_open:
            channel.close()

    def _basic_consume(self, queue: Any, *args: Any, **options: Any) -> Any:
        if queue.name not in self._active_tags:
            self.channel.basic_qos(0, prefetch(self._settings, queue.name), False)
        return super()._basic_consume(queue, *args, **options)


def share_prefetch(app: Any, settings: Settings) -> None:
    """For a worker's app on RabbitMQ; again when the concurrency changes."""
    if settings.is_amqp:
        app.amqp.Consumer = partial(SharedConsumer, settings=settings)
