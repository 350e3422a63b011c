"""Which transports a worker reads with: ours, in the place of kombu's of the same URL."""

from __future__ import annotations

from kombu import transport

_TRANSPORTS = {
    "redis": "storehand.broker.redis_transport:Transport",
    "rediss": "storehand.broker.redis_transport:Transport",
    "sentinel": "storehand.broker.redis_transport:SentinelTransport",
    "amqp": "storehand.broker.amqp_transport:Transport",
    "amqps": "storehand.broker.amqp_transport:Transport",
    "pyamqp": "storehand.broker.amqp_transport:Transport",
}


def register_guarded() -> None:
    """For the whole process, so for a worker's only: a shop's own Celery keeps kombu's. Any number of times."""
    transport.TRANSPORT_ALIASES.update(_TRANSPORTS)
    for scheme in _TRANSPORTS:
        transport._transport_cache.pop(scheme, None)
