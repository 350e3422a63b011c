"""Celery's request, with three additions: headers are checked, what Celery discards by itself is stored first, and
nothing of a job's content leaves by events or remote control."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.worker.request import Request
from celery.worker.state import task_ready

from storehand.errors import Cancelled, Expired, StorehandError
from storehand_worker.callbacks import callback_problem
from storehand_worker.discards import refusal

log = logging.getLogger(__name__)


class JobRequest(Request):
    """The request class of the entries; `task.Request` names it."""

    def __init__(self, message: Any, **options: Any) -> None:
        super().__init__(message, **options)
        # Plain producers repeat their arguments in these headers; Celery repeats them in events, logs and inspect.
        self._argsrepr = self._kwargsrepr = ""
        problem = _problem(self)
        if problem:
            raise InvalidTaskError(problem)
        if self.delivery_info.get("redelivered"):
            app: Any = self.app
            app.job_path.count("redelivered")

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """Celery is about to ack a message whose job was revoked, or expired before it began."""
        self._end(Expired() if expired else Cancelled(f"the message was {reason}"))
        super()._announce_revoked(reason, terminated, signum, expired)

    def acknowledge(self) -> None:
        """Nothing can be acked where the connection is gone that brought the message: the broker has given it to
        somebody again, who joins or finds the answer. Celery would log that as critical, with a traceback."""
        if _is_gone(self.message.channel):
            log.debug("message %s came by a connection that is gone; it is not acked", self.id)
            self.acknowledged = True
            return
        super().acknowledge()

    def reject(self, requeue: bool = False) -> None:
        if not requeue and not self.acknowledged:
            app: Any = self.app
            app.job_path.discards.bury(self.message, refusal("Celery could not use its eta"))
        super().reject(requeue)

    def info(self, safe: bool = False) -> dict[str, Any]:
        """For `inspect active` and Flower: without what is in the job."""
        found: dict[str, Any] = super().info(safe=True)
        return found

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002  # Celery's name
        """Events tell that a job ended and how long it took, not what was answered, nor an error's words."""
        kept = {name: value for name, value in fields.items() if name not in ("result", "traceback", "exception")}
        if "exception" in fields:
            kept["exception"] = str(fields["exception"]).partition("(")[0]
        super().send_event(type, **kept)

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Celery acks the message it knows; others of the same id, which joined, must not stay behind."""
        twins = [each for each in pool.requests_of(self.worker_pid) if each is not self]
        super().terminate(pool, signal)
        for twin in twins:
            task_ready(twin)
            twin.acknowledge()

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """A cold shutdown gives the job back; a revoke calls `terminate`."""
        if self.time_start:
            pool.hand_back_job(self.worker_pid)
        self._announce_cancelled(emit_retry=False)

    def _end(self, error: StorehandError) -> None:
        app: Any = self.app
        app.job_path.discards.end(self.type, self.id, self.args, self.kwargs, error)


def _is_gone(channel: Any) -> bool:
    return channel is None or getattr(channel, "connection", None) is None or getattr(channel, "closed", False) is True


def _problem(request: Any) -> str | None:
    """What would make Celery stumble later, outside of our guard."""
    if not isinstance(request.id, str) or not request.id:
        return "the id is no text"
    if not isinstance(request.name, str):
        return "the name is no text"
    if not isinstance(request.args, list | tuple) or not isinstance(request.kwargs, dict):
        return "args must be a list and kwargs an object"
    if not _is_limits(request.time_limits):
        return "timelimit must be two numbers of seconds, or null"
    embed = request._payload[2]
    if embed is not None and not isinstance(embed, Mapping):
        return "the third part of the body must be an object"
    return callback_problem(request.app, embed or {})


def _is_limits(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(
        each is None or (isinstance(each, int | float) and not isinstance(each, bool) and each > 0) for each in value
    )
