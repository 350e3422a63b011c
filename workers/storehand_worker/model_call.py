"""The requests of one call to a model: a few in the engine at a time, answered in order, taken back on a stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from storehand.engine import Engine, Request, Result
from storehand.errors import Overloaded, StorehandError

PIECES_IN_FLIGHT = 8
"""Requests one call keeps in the lane, so that a long list does not fill it."""

WaitFor = Callable[[Future[Any]], object]
"""Returns when the future is done."""


class ModelCall:
    """The requests that one call has in the engine."""

    def __init__(self, engine: Engine, wait_for: WaitFor, *, on_queued: Callable[[], None]) -> None:
        self._engine = engine
        self._wait_for = wait_for
        self._on_queued = on_queued
        self.asked_at: list[float] = []
        self._waiting: deque[tuple[Request, Future[Result]]] = deque()
        self._lock = threading.Lock()

    def cancel(self, error: StorehandError) -> None:
        """From any thread: ends what is still waiting."""
        with self._lock:
            ids = [request.id for request, _ in self._waiting]
        for each in ids:
            self._engine.cancel(each, error)

    def results(self, requests: Iterable[Request], *, check: Callable[[], None]) -> Iterator[Result]:
        """In order of the requests, a few of them in the engine at a time."""
        for request in requests:
            while len(self._waiting) >= PIECES_IN_FLIGHT or not self._submit(request):
                yield self._first()
            check()  # a stop that came before this request was in the line has cancelled only the others
        while self._waiting:
            yield self._first()

    def _submit(self, request: Request) -> bool:
        """False: the lane is full, but an answer of our own will make room."""
        asked_at = time.monotonic()
        try:
            future = self._engine.submit(request)
        except Overloaded:
            if self._waiting:
                return False
            raise
        self._on_queued()
        self.asked_at.append(asked_at)
        with self._lock:
            self._waiting.append((request, future))
        return True

    def _first(self) -> Result:
        future = self._waiting[0][1]
        if not future.done():
            self._wait_for(future)
        result = future.result()
        with self._lock:
            self._waiting.popleft()
        return result
