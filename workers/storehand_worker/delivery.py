"""One message in hand, as the job runner sees it: its time limits, and the jobs that run for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from storehand.errors import JobStopped
from storehand.job import Outcome
from storehand_worker.running import Limits, Running

UNAVAILABLE_PAUSE_S = 1.0
"""Between two tries of a message while the store is away."""


class Parked(BaseException):
    """This message can't be answered now: keep it without a thread and ask again in `pause_s` seconds.

    No Exception, so that it passes through Celery's tracer, which would call the task failed and ack the message.
    """

    def __init__(self, reason: str, *, pause_s: float) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


class Early(Parked):
    """The job is not due yet; the reconciler rings again when it is, so the message may also go."""


class Delivery:
    """What the pool and the runner share about one message."""

    def __init__(
        self, limits: Limits | None = None, *, on_give_up: Callable[[Outcome], None] = lambda outcome: None
    ) -> None:
        self.limits = limits or Limits()
        self.on_give_up = on_give_up
        """Called when the only job of the message ran into the hard limit: the message is answered without it."""
        self._running: dict[int, Running] = {}
        self._stop_error: JobStopped | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Nothing new may start for this message."""
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True

    def running(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())

    def stop(self, error: JobStopped) -> None:
        """Asks all jobs of this message to stop, those that start later too."""
        self._is_closed = True
        with self._lock:
            self._stop_error = self._stop_error or error
            running = list(self._running.values())
        for each in running:
            each.context.stop(error)

    def hold(self, running: Running) -> None:
        """From its claim on, until it is let go."""
        with self._lock:
            self._running[id(running)] = running
            error = self._stop_error
        if error is not None:
            running.context.stop(error)

    def let_go(self, running: Running) -> None:
        with self._lock:
            self._running.pop(id(running), None)


_current: ContextVar[Delivery | None] = ContextVar("storehand_delivery", default=None)


@contextmanager
def delivering(delivery: Delivery) -> Iterator[None]:
    """Lets the entry on this thread find its delivery: Celery's tracer hands nothing through."""
    token = _current.set(delivery)
    try:
        yield
    finally:
        _current.reset(token)


def current_delivery() -> Delivery | None:
    return _current.get()
