"""Streamed events on their way to the store: gathered for some milliseconds, written by one thread.

A task may emit from the engine's own thread, so `put` never touches the store.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from storehand.errors import StorehandError
from storehand.job import EventKind
from storehand.store import NewEvent

log = logging.getLogger(__name__)

GATHER_S = 0.03
"""Tokens come every few milliseconds; one write for all of 30 ms is far cheaper and reads just as smooth."""


class EventSink(Protocol):
    def append(self, job_id: str, attempt: int, events: list[NewEvent]) -> int: ...


class EventStream:
    """The events of one job's attempt."""

    def __init__(self, pump: EventPump, job_id: str, attempt: int) -> None:
        self._pump = pump
        self._job_id = job_id
        self._attempt = attempt
        self._gathered: list[NewEvent] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def put(self, event: NewEvent) -> None:
        """Takes an event; it is in the store within GATHER_S or at the next `flush`."""
        with self._lock:
            self._gathered.append(event)
        self._pump.wake(self)

    def flush(self) -> None:
        """Writes what was put so far, in order. A piece that can't be written is lost; the final answer is not."""
        with self._writing:  # also waits for a write that is under way: nothing may come after the END event
            with self._lock:
                events, self._gathered = self._gathered, []
            if not events:
                return
            try:
                self._pump.sink.append(self._job_id, self._attempt, merged(events))
            except StorehandError as error:
                log.warning(
                    "job %s: %d streamed pieces are lost (%s); the job goes on", self._job_id, len(events), error
                )


def merged(events: list[NewEvent]) -> list[NewEvent]:
    """Neighbouring deltas as one."""
    result: list[NewEvent] = []
    for event in events:
        if result and event.kind is EventKind.DELTA and result[-1].kind is EventKind.DELTA:
            result[-1] = NewEvent(EventKind.DELTA, {"text": f"{result[-1].data['text']}{event.data['text']}"})
        else:
            result.append(event)
    return result


class EventPump:
    """The thread that writes the streams of all jobs."""

    def __init__(self, sink: EventSink) -> None:
        self.sink = sink
        self._dirty: dict[EventStream, None] = {}
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._has_work.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def stream(self, job_id: str, attempt: int) -> EventStream:
        return EventStream(self, job_id, attempt)

    def wake(self, stream: EventStream) -> None:
        with self._lock:
            self._dirty[stream] = None
        self._has_work.set()

    def _loop(self) -> None:
        while not self._stopped.is_set():
            self._has_work.wait()
            self._stopped.wait(GATHER_S)
            self._has_work.clear()
            with self._lock:
                dirty, self._dirty = list(self._dirty), {}
            for stream in dirty:
                try:
                    stream.flush()
                except Exception:
                    log.exception("a streamed piece could not be written and is lost; the other streams go on")
