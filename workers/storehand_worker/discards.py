"""Messages that end without their job being run: the store says so before the broker forgets them.

Otherwise whoever waits for `result()` would wait for ever.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from storehand.errors import InvalidInput, MalformedMessage, StorehandError, Throttled, Unavailable
from storehand.job import NewJob, Outcome
from storehand.message import TASK_PREFIX, read_call
from storehand.payload import encode_input, fingerprint
from storehand.store import Finish, JobStore
from storehand_worker.counts import Count, uncounted
from storehand_worker.settle import JobObserver

log = logging.getLogger(__name__)

KEPT_BYTES = 64 * 1024
"""As much of a malformed message is kept for people to look at."""

_MAX_ID_CHARS = 255
_MAX_TASK_CHARS = 100


class Discards:
    def __init__(self, store: JobStore, observers: JobObserver, *, tenant: str, count: Count = uncounted) -> None:
        self._store = store
        self._observers = observers
        self._tenant = tenant
        self._count = count

    def end(self, name: str, task_id: Any, args: Any, kwargs: Any, error: StorehandError) -> None:
        """Ends all jobs of a readable message that are not answered: revoked, expired, unknown task."""
        try:
            call = read_call(name, task_id, args, kwargs, tenant=self._tenant)
        except (InvalidInput, TypeError):
            self.refuse(name, task_id, error)
            return
        ids = list(call.ids)
        if call.new_jobs:  # a plain producer's: its owner may look for the row all the same
            ids = [job.id for job in self._store.create(call.new_jobs)]
        self._finish(ids, error)

    def refuse(self, name: str, task_id: Any, error: StorehandError) -> None:
        """A job that was asked for wrongly: gets a row that says so, but not its input, which may be huge."""
        if isinstance(task_id, str) and 0 < len(task_id) <= _MAX_ID_CHARS and name.startswith(TASK_PREFIX):
            if not self._store.get([task_id]):
                task = name.removeprefix(TASK_PREFIX)[:_MAX_TASK_CHARS]
                self._store.create([NewJob(task=task, input={}, id=task_id, tenant=self._tenant)])
            self._finish([task_id], error)

    def throttle(self, new_jobs: Sequence[NewJob], error: Throttled) -> None:
        """Jobs of a tenant over its limit: each gets a row that says so, without its input. Its fingerprint stands in
        for that, so that the message, delivered again, finds the same row."""
        rows = [
            replace(job, input={}, fingerprint=fingerprint(encode_input(job.input)), idempotency_key=None)
            for job in new_jobs
        ]
        self._finish([job.id for job in self._store.create(rows)], error)
        self._count("throttled", len(rows))

    def bury(self, message: Any, error: StorehandError, *, is_trusted: bool = True) -> None:
        """Lays a malformed message aside, and ends the jobs it names, or the one its id would have become; one that is
        not trusted ends no job. Unavailable while the store is away: then the message must stay with the broker. Any
        other trouble with it is logged only, or it would come back for ever."""
        try:
            headers = message.headers if isinstance(message.headers, dict) else {}
            job_id, name = headers.get("id"), headers.get("task")
            queue = str((message.delivery_info or {}).get("routing_key") or "?")
            rung_for = self._named(message) if is_trusted else []
            if is_trusted and not rung_for and isinstance(name, str):  # who asks for its id gets the reason
                self.refuse(name, job_id, error)
            known = job_id if is_trusted and isinstance(job_id, str) and self._store.get([job_id]) else None
            task = name[:_MAX_TASK_CHARS] if isinstance(name, str) else None
            self._store.bury(queue=queue, reason=error.message, body=body_text(message), job_id=known, task=task)
            for ids in (rung_for, [known] if known else []):
                self._finish(ids, error)
        except Unavailable:
            raise
        except Exception:
            log.exception("a malformed message can't be laid aside; it is dropped: %s", error.message)
        else:
            log.error("a message from %s is laid aside as a dead letter: %s", queue, error.message)
        self._count("quarantined")

    def _named(self, message: Any) -> Sequence[str]:
        """The jobs an envelope rings for, where its body can be read."""
        try:
            _, kwargs, _ = message.payload
            return [each for each in kwargs["jobs"] if isinstance(each, str)]
        except Exception:  # it is malformed, after all
            return []

    def _finish(self, ids: Sequence[Any], error: StorehandError) -> None:
        outcome = Outcome.of_error(error)
        known = [each for each in ids if isinstance(each, str)]
        written = self._store.finish([Finish(job_id, outcome) for job_id in known])
        ended = [job_id for job_id, is_new in zip(known, written, strict=True) if is_new]
        for job in self._store.get(ended).values():
            self._observers.on_job_done(job, outcome)


def body_text(message: Any) -> str:
    """The body as it came, as far as it can be shown."""
    body = message.body
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body[:KEPT_BYTES]).decode("utf-8", "backslashreplace")
    return str(body)[:KEPT_BYTES]


def refusal(problem: object) -> MalformedMessage:
    """An error whose text does not quote the message at length, and is one line of a log."""
    return MalformedMessage("".join(each if each.isprintable() else "?" for each in str(problem)[:300]))
