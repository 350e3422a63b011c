"""One job as its task sees it, and the way to make it stop."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

from storehand.errors import Expired, JobStopped, StopJob
from storehand.job import EventKind, Job, Priority
from storehand.store import NewEvent
from storehand_worker.calls import Calls
from storehand_worker.job_trace import UNTRACED, JobTrace
from storehand_worker.start import Start
from storehand_worker.turnstile import Place

OnStop = Callable[[JobStopped], None]


class JobContext:
    """The host's side of `storehand.task.Context`. All methods may be called from any thread."""

    def __init__(
        self,
        job: Job,
        *,
        emit: Callable[[NewEvent], None],
        place: Place | None = None,
        clock: Callable[[], float] = time.time,
        before_wait: Callable[[], None] = lambda: None,
        trace: JobTrace = UNTRACED,
    ) -> None:
        """`clock` is the store's, in epoch seconds: the row's times are judged by it. `before_wait` is called when the
        job is about to wait for a model."""
        self.place = place
        self.start = Start(job.id)
        self.trace = trace
        self.calls = Calls(trace)
        self._job = job
        self._emit = emit
        self._before_wait = before_wait
        self._clock = clock
        self._lock = threading.Lock()
        self._stop_error: JobStopped | None = None
        self._on_stop: dict[int, OnStop] = {}
        self._keys = count()
        self._seed = int.from_bytes(hashlib.sha256(job.id.encode()).digest()[:4], "big") & 0x7FFFFFFF

    @property
    def job_id(self) -> str:
        return self._job.id

    @property
    def tenant(self) -> str:
        return self._job.tenant

    @property
    def priority(self) -> Priority:
        return self._job.priority

    @property
    def attempt(self) -> int:
        return self._job.attempts

    @property
    def deadline(self) -> float | None:
        """By this host's clock, which need not agree with the store's."""
        if self._job.deadline is None or self._clock is time.time:
            return self._job.deadline
        return time.time() + self._job.deadline - self._clock()

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def stop_error(self) -> JobStopped | None:
        """Why the job should stop, or none."""
        return self._stop_error

    @property
    def cancelled(self) -> bool:
        if self._stop_error is None:
            self.stop_if_overdue()  # the watcher would say so a moment later
        return self._stop_error is not None

    def check(self) -> None:
        if self.place is not None:
            self.place.give_way()
        if self.cancelled and self._stop_error is not None:
            raise StopJob(self._stop_error)

    def wait_for(self, future: Future[Any]) -> None:
        """Until a model has answered: the job's place at the turnstile is somebody else's meanwhile."""
        self._before_wait()
        if self.place is None:
            future.exception()
        else:
            self.place.wait_for(future)

    def inside(self) -> AbstractContextManager[None]:
        """For as long as the task's code runs."""
        return nullcontext() if self.place is None else self.place.inside(self.attach)

    def emit(self, text: str, *, kind: EventKind = EventKind.DELTA) -> None:
        if self._stop_error is None:
            self._emit(NewEvent(kind, {"text": text}))

    def stop(self, error: JobStopped) -> bool:
        """Asks the job to leave with this error. The first call wins and is the one that returns True."""
        with self._lock:
            if self._stop_error is not None:
                return False
            self._stop_error = error
            callbacks = list(self._on_stop.values())
            self._on_stop.clear()
        for callback in callbacks:
            callback(error)
        return True

    def stop_if_overdue(self) -> None:
        """Its deadline has passed."""
        if self._job.deadline is not None and self._clock() >= self._job.deadline:
            self.stop(Expired())

    def attach(self, callback: OnStop) -> Callable[[], None]:
        """Calls back once on a stop, at once if there was one; returns the way to detach."""
        with self._lock:
            error = self._stop_error
            key = next(self._keys)
            if error is None:
                self._on_stop[key] = callback
        if error is not None:
            callback(error)
        return lambda: self._detach(key)

    def _detach(self, key: int) -> None:
        with self._lock:
            self._on_stop.pop(key, None)
