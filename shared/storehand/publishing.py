"""How a producer's own connections differ from a worker's: a caller waits for them, so nothing on them waits long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from storehand.errors import Unavailable

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

T = TypeVar("T")

_PAUSES_S = (0.0, 0.1, 0.3)


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """For Celery's `connection_for_write`. Every wait for the broker's answer is over after half of
    `publish_timeout_s`, so that a second try fits in."""
    wait_s = settings.publish_timeout_s / 2
    options: dict[str, Any] = {"max_retries": 0}  # kombu would wait for a connection by itself, and longer
    if settings.broker_url.get_secret_value().startswith(("redis", "sentinel")):
        options |= {"socket_timeout": wait_s, "socket_connect_timeout": wait_s, "retry_on_timeout": False}
    elif not settings.is_embedded:
        options |= {"read_timeout": wait_s, "write_timeout": wait_s}
    return {"connect_timeout": wait_s, "transport_options": options}


def insist(publish: Callable[[], T], timeout_s: float) -> T:
    """A connection that lay idle may be dead without knowing, and a broker may just be starting: tries again, as long
    as another try can end within `timeout_s`."""
    latest = time.monotonic() + timeout_s / 2
    for pause_s in _PAUSES_S:
        try:
            return publish()
        except Unavailable:
            if time.monotonic() + pause_s > latest:
                raise
            time.sleep(pause_s)
    return publish()
