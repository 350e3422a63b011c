"""Streamed text on its way to its consumers, on a thread of its own: a slow consumer never holds up the model.

Pieces that come while a consumer is still busy reach it joined. All consumers of an engine share the thread, so one
that is slow delays the streams of others, though not their texts.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Stream:
    """One consumer. `send` and `end` are called by the engine's thread."""

    def __init__(self, consumer: Callable[[str], None], deliveries: Deliveries) -> None:
        self._consumer = consumer
        self._deliveries = deliveries
        self._pieces: list[str] = []
        self._lock = threading.Lock()
        self._is_broken = False

    def send(self, piece: str) -> None:
        """Hands a piece over; returns at once."""
        if not piece:
            return
        with self._lock:
            self._pieces.append(piece)
            is_first = len(self._pieces) == 1
        if is_first:
            self._deliveries.put(self._deliver)

    def end(self, then: Callable[[], None]) -> None:
        """Calls `then` when all pieces are delivered."""
        self._deliveries.put(then)

    def _deliver(self) -> None:
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
        if self._is_broken:
            return
        try:
            self._consumer(text)
        except Exception:
            self._is_broken = True
            log.exception("a consumer of streamed text raised; it gets no more, its request goes on")


class Deliveries:
    """The thread. It starts with the first piece."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], None]) -> None:
        """Only from the engine's thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._work.put(work)

    def close(self, timeout_s: float) -> None:
        """Delivers what was sent, then stops."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except BaseException:  # whatever a consumer raises, the answers behind it must go out
                log.exception("the delivery of a streamed text failed; others go on")
