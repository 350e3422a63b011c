"""The Celery app that client and worker share: queues, routes, and the settings that keep messages safe.

It never becomes the current app: a shop that has Celery already keeps its own.
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from storehand.brokers import declared_queues, queue_names, tls_options, transport_options
from storehand.job import Priority
from storehand.message import TASK_PREFIX
from storehand.settings import Settings

__all__ = ["PUBLISH_RETRY", "Router", "declared_queues", "make_celery", "queue_names", "transport_options"]

PUBLISH_RETRY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 1}
"""A refused connection answers within a second; the row stays `queued` and the reconciler rings later."""


def make_celery(settings: Settings) -> Celery:
    """A new app. The worker registers its tasks on it; the client only publishes."""
    if settings.is_embedded:
        from storehand.broker import register

        register()
    app = Celery("storehand", set_as_current=False, broker=settings.broker_url.get_secret_value(), backend=None)
    app.conf.update(_CONFIG)
    app.conf.update(
        broker_transport_options=transport_options(settings),
        broker_use_ssl=tls_options(settings) or False,
        control_exchange=f"{settings.queue_prefix}.control",  # the shop's own workers stay out of it
        # Exclusive ones stay locked until RabbitMQ misses the old connection: a worker that is back sooner would end.
        control_queue_exclusive=not settings.is_amqp,
        control_queue_durable=settings.is_amqp,  # RabbitMQ 4 wants no others; they expire after 10 s
        event_exchange=f"{settings.queue_prefix}.events",
        event_queue_prefix=f"{settings.queue_prefix}.events",
        task_queues=declared_queues(settings),
        task_default_queue=settings.queue_prefix,
        task_default_exchange=settings.queue_prefix,
        task_default_routing_key=settings.queue_prefix,
        task_routes=(Router(settings),),
    )
    return app


_CONFIG: dict[str, Any] = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "result_serializer": "json",
    "task_ignore_result": True,
    "result_backend": "disabled://",
    "task_store_errors_even_if_ignored": False,
    "task_acks_late": True,
    "task_acks_on_failure_or_timeout": True,
    "task_reject_on_worker_lost": False,  # one process: the broker redelivers by itself; True loops on SystemExit
    "task_track_started": False,
    "task_send_sent_event": False,
    "task_publish_retry": True,
    "task_publish_retry_policy": PUBLISH_RETRY,
    "task_default_exchange_type": "direct",
    "task_default_delivery_mode": 2,
    "worker_prefetch_multiplier": 1,
    "worker_disable_rate_limits": True,  # a limited task would block the prefetch of all others
    "worker_deduplicate_successful_tasks": False,  # the store decides
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_send_task_events": False,
    "worker_eta_task_limit": 1000,
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": 5,
    "broker_heartbeat": 10,  # RabbitMQ takes a worker whose network is cut for gone after two: 20 s
    "timezone": "UTC",
    "enable_utc": True,
}


class Router:
    """Routes `storehand.<task>` to its family's queue. A plain producer that names no queue is `standard`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, name: str, *_: Any, **__: Any) -> dict[str, str] | None:
        if not name.startswith(TASK_PREFIX):
            return None
        return {"queue": self._settings.queue(name.removeprefix(TASK_PREFIX), Priority.STANDARD)}
