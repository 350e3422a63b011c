"""Messages as no Celery producer would send them."""

from __future__ import annotations

import json
from typing import Any


def publish(
    celery: Any,
    body: Any,
    *,
    queue: str = "storehand",
    content_type: str = "application/json",
    content_encoding: str = "utf-8",
    **headers: Any,
) -> None:
    """Any body with any headers: bytes and text go as they are, all else as JSON."""
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    with celery.producer_pool.acquire(block=True) as producer:
        producer.publish(
            raw,
            routing_key=queue,
            exchange="storehand",
            content_type=content_type,
            content_encoding=content_encoding,
            headers=headers,
        )
