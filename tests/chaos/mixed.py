"""The rest of a shop's day beside `Load`: cancels, deadlines, duplicates, and plain Celery messages with a callback."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from celery import signature
from kombu.exceptions import KombuError

from storehand import Client
from storehand.celery_app import make_celery
from storehand.errors import Unavailable
from storehand.job import Status
from storehand.settings import Settings
from tests.chaos.load import Promised
from tests.pipeline.probe_plugin import ProbeInput

CALLBACK = "shop.answered"


class Mixed:
    """A context manager with a thread per habit, each so many times a second."""

    def __init__(self, client: Client, promised: Promised, *, per_s: float, seed: int) -> None:
        self._client = client
        self._promised = promised
        self._pause_s = 4 / per_s
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self.plain: list[str] = []
        """Ids of plain Celery messages that were sent: a promise once their row exists."""
        self.broken: list[str] = []
        self._plain = PlainProducer(client.settings)
        habits = (self._cancel, self._set_deadline, self._repeat, self._send_plain)
        self._threads = [threading.Thread(target=self._loop, args=(each,), name=each.__name__) for each in habits]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._plain.close()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _loop(self, habit: Callable[[], None]) -> None:
        while not self._stopped.wait(self._pause_s):
            try:
                habit()
            except Unavailable as error:
                self._promised.note_error(error)

    def _submit(self, ends: set[str], *, key: str | None = None, work_s: float = 0.1, **options: Any) -> Any:
        key = key or uuid.uuid4().hex
        while True:
            began = time.monotonic()
            try:
                handle = self._client.submit(ProbeInput(text=key, work_s=work_s), idempotency_key=key, **options)
            except Unavailable as error:
                self._promised.note_error(error)
                if self._stopped.wait(0.2):
                    raise
                continue
            finally:
                self._promised.note_call(time.monotonic() - began)
            self._promised.note(key, handle.id, ends)
            return handle

    def _cancel(self) -> None:
        handle = self._submit({"ok", "cancelled"}, work_s=self._random.choice((0.0, 0.5, 2.0)))
        if handle.cancel() is Status.CANCELLED:
            self._promised.note(handle.id, handle.id, {"cancelled"})

    def _set_deadline(self) -> None:
        deadline = self._client.store.now() + self._random.uniform(0.2, 3)
        self._submit({"ok", "expired"}, work_s=0.2, deadline=deadline)

    def _repeat(self) -> None:
        key = uuid.uuid4().hex
        first, second = self._submit({"ok"}, key=key), self._submit({"ok"}, key=key)
        if first.id != second.id:
            self.broken.append(f"key {key} has two jobs: {first.id} and {second.id}")

    def _send_plain(self) -> None:
        job_id = self._plain.send(ProbeInput(text="plain", work_s=0.05))
        if job_id is not None:
            self.plain.append(job_id)

    def settle(self, store: Any) -> None:
        """Rows of plain messages exist from their claim on; from then on they are promises like others."""
        for start in range(0, len(self.plain), 500):
            for job_id in store.get(self.plain[start : start + 500]):
                self._promised.note(job_id, job_id, {"ok"})

    def contradictions(self) -> list[str]:
        """What callbacks have told, where they did not all tell the same."""
        return [f"callbacks of {job_id} differ" for job_id, told in self._plain.told().items() if len(told) > 1]


class PlainProducer:
    """A backend that knows Celery alone: queue and task names, and a task of its own for the answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: Any = make_celery(settings)
        self._queue = f"{settings.queue_prefix}_answers"
        self._told: defaultdict[str, set[str]] = defaultdict(set)
        with self._app.connection_for_write() as connection:
            connection.SimpleQueue(self._queue).close()

    def send(self, given: ProbeInput) -> str | None:
        """The task id; None where the broker did not take it."""
        link = signature(CALLBACK, queue=self._queue, app=self._app)
        try:
            sent = self._app.send_task(
                "storehand.probe", kwargs={"input": given.to_json_dict()}, link=link, retry=False, ignore_result=True
            )
        except (KombuError, OSError):
            return None
        return str(sent.id)

    def told(self) -> dict[str, set[str]]:
        """By job, the different answers that lie in the callbacks' queue."""
        with self._app.connection_for_read() as connection, connection.SimpleQueue(self._queue) as queue:
            while True:
                try:
                    message = queue.get(timeout=1)
                except queue.Empty:
                    return dict(self._told)
                args = message.payload[0]
                self._told[str(message.headers.get("parent_id"))].add(json.dumps(args, sort_keys=True))
                message.ack()

    def close(self) -> None:
        self._app.close()
