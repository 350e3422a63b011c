"""What each broker needs so that no message is lost and no call hangs: settings in, queues and options out."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from storehand.broker.quorum import DEAD_SUFFIX, QuorumQueue, quorum_arguments
from storehand.job import Priority
from storehand.settings import Settings

SWEEPS = 3
"""A lease is renewed, and what ran out looked for, three times per `visibility_s`."""


def queue_names(settings: Settings, families: Iterable[str] | None = None) -> list[str]:
    """The queues of these families (default: those this worker serves) in the order they should be served:
    interactive, the intake queue of plain producers, standard, bulk."""
    served = list(settings.families() if families is None else families)

    def of(priority: Priority) -> list[str]:
        return [f"{settings.queue_prefix}.{family}.{priority}" for family in served]

    return [*of(Priority.INTERACTIVE), settings.queue_prefix, *of(Priority.STANDARD), *of(Priority.BULK)]


def declared_queues(settings: Settings) -> list[Queue]:
    """Every queue a producer may publish to, also those of families this worker does not serve."""
    families = sorted({*settings.routes.values(), *settings.families(), "default"})
    prefix = settings.queue_prefix
    exchange = Exchange(prefix, type="direct", durable=True)  # type: ignore[no-untyped-call]  # kombu
    kind: Any = QuorumQueue if settings.is_amqp else Queue
    arguments = quorum_arguments(settings.delivery_limit, prefix + DEAD_SUFFIX) if settings.is_amqp else None
    return [
        kind(name, exchange, routing_key=name, durable=True, queue_arguments=arguments)
        for name in queue_names(settings, families)
    ]


def transport_options(settings: Settings) -> dict[str, Any]:
    """For a worker's connections; a producer's wait less (publishing.py)."""
    if settings.is_embedded:
        return {"synchronous": settings.synchronous, "reserved": _reserved(settings), "busy_timeout": 10.0}
    if settings.is_amqp:
        return {"confirm_publish": True}
    return _redis_options(settings) if settings.is_redis else {}


def _redis_options(settings: Settings) -> dict[str, Any]:
    """Measured: a job of 20 s with a visibility of 6 s started four times without renewal, once with it; kombu's own
    pace of looking for lost messages is 100 s, and its default is to wait for ever on a connection that is cut."""
    prefix = settings.queue_prefix
    options = {
        "queue_order_strategy": "priority",  # the order of `queue_names`, at every single message
        "reserved": _reserved(settings),
        "message_max_bytes": settings.message_max_bytes,
        "visibility_timeout": settings.visibility_s,  # renewed while the message is in hand: see renewer.py
        "unacked_restore_interval": min(5.0, settings.visibility_s / SWEEPS),
        "unacked_restore_throttle": 1,
        # keys of our own: on a shared database our short timeout must not give the shop's own tasks back
        "unacked_key": f"{prefix}.unacked",
        "unacked_index_key": f"{prefix}.unacked_index",
        "unacked_mutex_key": f"{prefix}.unacked_mutex",
        "unacked_mutex_expire": 60,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
    }
    if settings.broker_scheme == "sentinel":
        options["master_name"] = settings.broker_master_name
        if secured := tls_options(settings):
            options["sentinel_kwargs"] = {"ssl": True, "socket_connect_timeout": 5, **secured}
    return options


def _reserved(settings: Settings) -> dict[str, Any]:
    return {"queues_ending": f".{Priority.INTERACTIVE}", "count": settings.reserved_threads}


def tls_options(settings: Settings) -> dict[str, Any] | None:
    """Celery's `broker_use_ssl`. The server's certificate and name are always checked; kombu's own default for rediss://
    checks neither."""
    if not settings.is_tls:
        return None
    ca, cert, key = (
        str(file) if file else None
        for file in (settings.broker_ca_file, settings.broker_cert_file, settings.broker_key_file)
    )
    if settings.is_amqp:
        named = {"ca_certs": ca, "certfile": cert, "keyfile": key}
        return {**_given(named), "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: the URL's
    named = {"ssl_ca_certs": ca, "ssl_certfile": cert, "ssl_keyfile": key}
    return {**_given(named), "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def prefetch(settings: Settings, queue: str) -> int:
    """RabbitMQ counts per quorum queue, not per worker: each may have so many messages in this worker's hand. Together
    they are more than the concurrency, so the pool has a thread for each, and the lanes of the engines decide.

    Bulk gets little: its messages hold many jobs, and what lies here another worker can't take."""
    others = max(1, settings.concurrency - settings.reserved_threads)
    if queue.endswith(f".{Priority.INTERACTIVE}"):
        return settings.concurrency
    return max(1, others // 4) if queue.endswith(f".{Priority.BULK}") else others


def most_in_hand(settings: Settings) -> int:
    """Messages that the broker may give this worker at once."""
    if not settings.is_amqp:
        return settings.concurrency
    return sum(prefetch(settings, name) for name in queue_names(settings))


def hasty_connection(settings: Settings, wait_s: float = 2.0) -> Any:
    """kombu's, for looking at a broker server: no answer takes longer than `wait_s`. Close it."""
    options = transport_options(settings)
    if settings.is_redis:
        options |= {"socket_timeout": wait_s, "socket_connect_timeout": wait_s, "retry_on_timeout": False}
    if settings.is_amqp:
        options |= {"read_timeout": wait_s, "write_timeout": wait_s}
    url = settings.broker_url.get_secret_value()
    made: Any = Connection
    return made(url, ssl=tls_options(settings) or False, connect_timeout=wait_s, transport_options=options)
