"""Streamed text on its way to its consumers, on threads of its own: a slow consumer never holds up the model.

Each stream is delivered in order and by one thread at a time, so a consumer that blocks, or asks the same engine for
another text, holds only its own request. Pieces that come while it is busy reach it joined.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from storehand_worker.engines.watchdog import Watchdog

log = logging.getLogger(__name__)

BLOCKED_S = 60.0
"""A consumer that is busy with one piece for longer gets no more, and its request ends without it."""
IDLE_S = 10.0
"""A thread without work leaves after so long."""


class Stream:
    """One consumer. `send` and `end` are called by the engine's thread."""

    def __init__(self, consumer: Callable[[str], None], deliveries: Deliveries) -> None:
        self._consumer = consumer
        self._deliveries = deliveries
        self._pieces: list[str] = []
        self._then: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._is_at_work = False
        self._busy_since: float | None = None
        self._is_broken = False

    def send(self, piece: str) -> None:
        """Hands a piece over; returns at once."""
        with self._lock:
            if not piece or self._is_broken:
                return
            self._pieces.append(piece)
            was_at_work, self._is_at_work = self._is_at_work, True
        if not was_at_work:
            self._deliveries.put(self)

    def end(self, then: Callable[[], None]) -> None:
        """Calls `then` when all pieces are delivered."""
        with self._lock:
            self._then = then
            was_at_work, self._is_at_work = self._is_at_work, True
        if not was_at_work:
            self._deliveries.put(self)

    def deliver(self) -> None:
        """All that was sent. Only on the threads of `Deliveries`."""
        while True:
            text, then = self._take()
            if not text:
                break
            try:
                self._consumer(text)
            except BaseException:  # whatever it raises, its answer must go out
                log.exception("a consumer of streamed text raised; it gets no more, its request goes on")
                with self._lock:
                    self._break()
        if then is not None:
            then()

    def give_up(self, blocked_s: float) -> None:
        """Where the consumer is busy with one piece for so long: what waits for it goes on without."""
        with self._lock:
            if self._busy_since is None or time.monotonic() - self._busy_since < blocked_s:
                return
            self._break()
            is_ended = self._then is not None  # an end that comes later finds nobody at work
        log.error("a consumer of streamed text did not return for %.0f s; its request goes on without it", blocked_s)
        if is_ended:
            self._deliveries.put(self)

    def _take(self) -> tuple[str, Callable[[], None] | None]:
        """The next text; where there is none, the thread may go, and call what waited for that."""
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._busy_since = time.monotonic() if text else None
            self._is_at_work = bool(text)
            if text:
                return text, None
            then, self._then = self._then, None
            return "", then

    def _break(self) -> None:
        """Holding the lock."""
        self._is_broken, self._is_at_work, self._busy_since = True, False, None
        self._pieces.clear()


class Deliveries:
    """The threads: as many as there are consumers at work at the same time, the first one with the first piece."""

    def __init__(self, name: str, *, blocked_s: float = BLOCKED_S) -> None:
        self._name = name
        self._blocked_s = blocked_s
        self._changed = threading.Condition()
        self._ready: deque[Stream] = deque()
        self._at_work: set[Stream] = set()
        self._idle = 0
        self._is_closed = False
        self._watchdog: Watchdog | None = None

    def put(self, stream: Stream) -> None:
        """Delivers what the stream holds."""
        with self._changed:
            if self._watchdog is None:
                self._watchdog = Watchdog(f"{self._name}-watchdog", self._look, every_s=self._blocked_s / 8)
                self._watchdog.start()
            self._ready.append(stream)
            if self._idle >= len(self._ready):
                self._changed.notify()
            else:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def close(self, timeout_s: float) -> None:
        """Delivers what was sent, then stops."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._ready and not self._at_work, timeout_s)
        if self._watchdog is not None:
            self._watchdog.stop()

    def _look(self) -> bool:
        with self._changed:
            streams = tuple(self._at_work)
        for stream in streams:
            stream.give_up(self._blocked_s)
        return False

    def _run(self) -> None:
        while (stream := self._next()) is not None:
            try:
                stream.deliver()
            except BaseException:
                log.exception("the end of a streamed text failed; others go on")
            with self._changed:
                self._at_work.discard(stream)
                if self._is_closed:
                    self._changed.notify_all()
            del stream  # or an idle thread would keep a job's consumer in memory

    def _next(self) -> Stream | None:
        with self._changed:
            self._idle += 1
            found = self._changed.wait_for(lambda: self._ready or self._is_closed, IDLE_S)
            self._idle -= 1
            if not found or not self._ready:
                return None
            stream = self._ready.popleft()
            self._at_work.add(stream)
            return stream
