"""The line before one engine: the only thing that its callers and its thread share, and the only one with a lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from storehand.errors import EngineError, InvalidInput, StorehandError
from storehand_worker.engines.call import Call
from storehand_worker.engines.scheduler import Part, Pick, Scheduler

P = TypeVar("P")


class Lane(Generic[P]):
    """Callers put and cancel, the engine's thread waits and picks."""

    def __init__(self, max_waiting: int, max_tokens: int | None = None) -> None:
        self._changed = threading.Condition()
        self._scheduler: Scheduler[P] = Scheduler(max_waiting, max_tokens)
        self._calls: dict[str, Call[Any]] = {}
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """Requests with a part that waits."""
        return len(self._scheduler)

    def put(self, call: Call[Any], parts: Sequence[Part[P]]) -> None:
        """Overloaded when the lane is full, EngineError when it is closed."""
        request = call.request
        with self._changed:
            if self._is_closed:
                raise EngineError("the engine is closed")
            if request.id in self._calls:
                raise InvalidInput(f"a request with the id {request.id!r} is in flight")
            self._scheduler.push(
                request.id,
                parts,
                priority=request.priority,
                now=call.submitted_at,
                deadline=request.deadline,
                share=f"{request.task}/{request.tenant}",
            )
            self._calls[request.id] = call
            self._changed.notify()
        call.future.add_done_callback(lambda _: self._forget(request.id))

    def _forget(self, request_id: str) -> None:
        """Most calls end when nothing of them waits any more: they need no lock."""
        if self._scheduler.count(request_id):
            with self._changed:
                self._scheduler.drop(request_id)
        self._calls.pop(request_id, None)  # last: until then nobody else can wait under this id

    def cancel(self, request_id: str, error: StorehandError) -> None:
        """Ends a call at once; its waiting parts leave the line, those on the device go before the next step."""
        with self._changed:
            call = self._calls.get(request_id)
        if call is not None:
            call.fail(error)

    def wait(self) -> bool:
        """Blocks until something waits; False once the lane is closed."""
        with self._changed:
            while not self._is_closed and not len(self._scheduler):
                self._changed.wait()
            return not self._is_closed

    def pick(self, choose: Callable[[Scheduler[P]], Pick[P]]) -> Pick[P]:
        """Lets `choose` take its batch while nobody else touches the line."""
        with self._changed:
            return choose(self._scheduler)

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        """Nobody gets in any more; `wait` lets go."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def taken(self) -> list[Call[Any]]:
        """Calls with a part that neither waits nor is answered: it is on the device, or was lost on its way there."""
        with self._changed:
            calls = self._calls.copy()  # calls that end meanwhile leave it without the lock
            return [call for key, call in calls.items() if call.open > self._scheduler.count(key)]

    def fail_all(self, error: StorehandError) -> None:
        """Ends every call that is still open."""
        with self._changed:  # who is on the way in is in, or finds the lane closed
            calls = self._calls.copy()
        for call in calls.values():
            call.fail(error)


def now() -> float:
    """The clock of deadlines and timings."""
    return time.monotonic()
