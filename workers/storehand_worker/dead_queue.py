"""RabbitMQ only: what the broker gave up by itself, for it knows nothing of jobs. The store decides what becomes of it.

A message may be over its delivery limit because it kills workers, which the store counts better, or merely because the
store was away for a while, or because of many orderly restarts. So it is published anew some times before it is poison.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError

from storehand.broker.quorum import DEAD_SUFFIX
from storehand.errors import Expired, Poison, StorehandError, Unavailable
from storehand.job import Status
from storehand.settings import Settings
from storehand.signing import is_trusted
from storehand.store import JobStore
from storehand_worker.discards import Discards, body_text

log = logging.getLogger(__name__)

REDRIVES = 3
REDRIVEN = "storehand-redriven"
"""How often a message over the limit is published anew: with the default limit it has then been delivered 80 times."""

_OF_THE_BROKER = ("x-death", "x-first-death-reason", "x-first-death-queue", "x-first-death-exchange",
                  "x-last-death-reason", "x-last-death-queue", "x-last-death-exchange", "x-delivery-count",
                  "x-acquired-count")  # fmt: skip


class DeadQueue:
    """A thread; any number of workers may look at the same time, for each message goes to one of them."""

    def __init__(self, app: Any, settings: Settings, store: JobStore, discards: Discards) -> None:
        self._app = app
        self._settings = settings
        self._store = store
        self._discards = discards
        self._connection: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-dead-queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def tick(self) -> int:
        """Settles all that lies there; returns how many. Raises what the transport raises."""
        if self._connection is None:
            self._connection = self._app.connection_for_write(
                transport_options={**self._app.conf.broker_transport_options, "read_timeout": 10, "write_timeout": 10}
            )
        channel = self._connection.default_channel
        settled = 0
        while (message := channel.basic_get(self._settings.queue_prefix + DEAD_SUFFIX, no_ack=False)) is not None:
            self._settle(channel, channel.message_to_python(message))
            settled += 1
        return settled

    def _settle(self, channel: Any, message: Any) -> None:
        """Acked only after what follows from it is written."""
        headers = message.headers if isinstance(message.headers, Mapping) else {}
        reason, queue = _first_death(headers)
        if reason == "expired":  # Celery's `expires`: RabbitMQ drops the message before any worker sees it
            if not self._end(message, headers, Expired()):
                self._bury(message, headers, "it expired, and names no job", queue)
        elif reason == "delivery_limit" and _redriven(headers) < REDRIVES:
            _publish_anew(channel, message, headers, queue)
            log.warning("a message of %s was delivered %d times or more; it goes back, the store counts crashes",
                        queue, self._settings.delivery_limit)  # fmt: skip
        elif reason != "rejected":  # a worker of ours has laid that one aside before
            self._bury(message, headers, f"RabbitMQ gave it up: {reason}", queue)
        message.ack()

    def _bury(self, message: Any, headers: Mapping[str, Any], reason: str, queue: str) -> None:
        """The store lays a poison job aside by itself; here only what names none."""
        if not self._end(message, headers, Poison(reason)):
            task = headers.get("task")
            self._store.bury(
                queue=queue, reason=reason, body=body_text(message), task=task if isinstance(task, str) else None
            )
        log.error("%s; the message from %s is laid aside as a dead letter", reason, queue)

    def _end(self, message: Any, headers: Mapping[str, Any], error: StorehandError) -> bool:
        """Ends the jobs that the message names, unless somebody is working on one; False where it names none, or is not
        to be believed."""
        if not is_trusted(self._settings, message):
            return False
        try:
            args, kwargs, _ = message.payload
            name, task_id = headers["task"], headers["id"]
            ids = list(kwargs.get("jobs") or [task_id])
        except Exception:
            return False
        if all(each.status is not Status.RUNNING for each in self._store.get(ids).values()):
            self._discards.end(name, task_id, args, kwargs, error)
        return True

    def _loop(self) -> None:
        while not self._stopped.wait(self._settings.reconcile_s):
            try:
                self.tick()
            except Unavailable as error:
                log.warning("what RabbitMQ gave up waits: %s", error)
                self._leave_unacked()
            except (AMQPError, OSError, OperationalError) as error:  # the broker is away, or the queue is not declared
                log.debug("the dead queue can't be read: %s", type(error).__name__)
                self._leave_unacked()
            except Exception:
                log.exception("the dead queue met an error of our own; again in %g s", self._settings.reconcile_s)
                self._leave_unacked()
        self._leave_unacked()

    def _leave_unacked(self) -> None:
        """The broker keeps what was not settled."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is of no use any more
                connection.release()


def _first_death(headers: Mapping[str, Any]) -> tuple[str, str]:
    """Why and in which queue."""
    return str(headers.get("x-first-death-reason") or "?"), str(headers.get("x-first-death-queue") or "?")


def _redriven(headers: Mapping[str, Any]) -> int:
    count = headers.get(REDRIVEN)
    return count if isinstance(count, int) else 0


def _publish_anew(channel: Any, message: Any, headers: Mapping[str, Any], queue: str) -> None:
    kept = {name: value for name, value in headers.items() if name not in _OF_THE_BROKER}
    properties = {
        name: message.properties[name]
        for name in ("correlation_id", "reply_to", "delivery_mode")
        if name in message.properties
    }
    fresh = channel.prepare_message(
        message.body, content_type=message.content_type, content_encoding=message.content_encoding,
        headers={**kept, REDRIVEN: _redriven(headers) + 1}, properties=properties,
    )  # fmt: skip
    channel.basic_publish(fresh, exchange="", routing_key=queue, mandatory=True)
