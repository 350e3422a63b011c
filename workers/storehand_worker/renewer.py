"""Redis only: keeps the broker from giving a message to somebody else while it is in this worker's hand.

A thread of its own: the event loop may stand still for a while, be it that it reconnects or that it drains. When the
worker dies nobody renews, and its messages are back within `visibility_s`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from celery.worker import state

from storehand.brokers import SWEEPS
from storehand.settings import Settings

log = logging.getLogger(__name__)

RETRY_S = 1.0


class LeaseRenewer:
    def __init__(self, app: Any, settings: Settings) -> None:
        self._app = app
        self._every_s = settings.visibility_s / SWEEPS
        self._connection: Any = None
        self._is_away = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-renewer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def tick(self) -> int:
        """Renews once; returns for how many messages. Raises what the transport raises when Redis is away."""
        tags = tags_in_hand(self._app)
        if not tags:
            return 0
        if self._connection is None:
            self._connection = self._app.connection_for_read()
        channel = self._connection.default_channel
        now = time.time()  # kombu's index counts by the workers' clocks
        channel.client.zadd(channel.unacked_index_key, dict.fromkeys(tags, now), xx=True)
        return len(tags)

    def _loop(self) -> None:
        wait_s = self._every_s
        while not self._stopped.wait(wait_s):
            try:
                self.tick()
                wait_s, self._is_away = self._every_s, False
            except Exception as error:  # the transport has no common class of them
                self._forget_connection()
                wait_s = min(RETRY_S, self._every_s)
                if not self._is_away:
                    log.warning(
                        "Redis is away (%s); messages in hand are renewed when it is back", type(error).__name__
                    )
                self._is_away = True
        self._forget_connection()

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is of no use any more
                connection.release()


def tags_in_hand(app: Any) -> set[str]:
    """Of every message this worker has and has not acked: running, parked, waiting for a thread or for its eta."""
    consumer = getattr(app.storehand_worker, "consumer", None)
    channel = getattr(getattr(consumer, "task_consumer", None), "channel", None)
    delivered: Iterable[str] = channel.qos._delivered if channel is not None else ()
    requests = _copied(state.requests.values)
    return {*_copied(lambda: delivered), *(each.message.delivery_tag for each in requests if not each.acknowledged)}


def _copied(read: Any) -> list[Any]:
    """The event loop changes them while we look."""
    while True:
        with suppress(RuntimeError):
            return list(read())
