"""One request inside an engine: its future, its clock, and the answers of its parts as they come in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from storehand.engine import Request, Result, Timings
from storehand.errors import JobStopped, StorehandError
from storehand_worker.engines.delivery import Stream

log = logging.getLogger(__name__)

A = TypeVar("A")

PARTIAL_CHARACTERS = 16_384
"""Of all texts of a stopped call together: its error is stored and sent with them."""


class Call(Generic[A]):
    """Ends exactly once, by whoever is first: the engine with a result, or anybody with an error."""

    def __init__(self, request: Request, *, parts: int, now: float) -> None:
        self.request = request
        self.future: Future[Result] = Future()
        self.future.set_running_or_notify_cancel()  # Future.cancel() must not end it behind the engine's back
        self.is_done = False  # not `future.done()`, which takes a lock: engines ask for every part
        self.submitted_at = now
        self.scheduled_at: float | None = None
        self.first_token_at: float | None = None
        self.stream: Stream | None = None
        """Its reader: the future ends with a result only after the last piece was delivered."""
        self.so_far: Callable[[], list[str]] | None = None
        """What is written of its texts while it is open, for those who stop it; callable from any thread."""
        self._answers: list[A | None] = [None] * parts
        self._open = parts

    @property
    def open(self) -> int:
        """Parts without an answer."""
        return self._open

    def is_overdue(self, now: float) -> bool:
        return self.request.deadline is not None and self.request.deadline <= now

    def schedule(self, now: float) -> None:
        """The first part is on its way to the device. A step reads the clock before it picks, so what came in between
        was submitted after `now`: it waited for nothing, not for less."""
        if self.scheduled_at is None:
            self.scheduled_at = max(now, self.submitted_at)

    def answer(self, index: int, answer: A) -> Sequence[A] | None:
        """Keeps a part's answer; all of them, in order, with the last one."""
        assert self._answers[index] is None, "a part was answered twice"
        self._answers[index] = answer
        self._open -= 1
        return None if self._open else [each for each in self._answers if each is not None]

    def timings(self, now: float) -> Timings:
        scheduled = now if self.scheduled_at is None else self.scheduled_at
        first = None if self.first_token_at is None else self.first_token_at - self.submitted_at
        return Timings(
            lane_wait_s=scheduled - self.submitted_at, inference_s=max(now - scheduled, 0.0), first_token_s=first
        )

    def finish(self, result: Result) -> None:
        if self.stream is None:
            self._end(result)
        else:
            self.stream.end(partial(self._end, result))

    def _end(self, result: Result) -> None:
        self.is_done = True
        with _of_its_own():
            self.future.set_result(result)
        self.so_far = None

    def fail(self, error: StorehandError) -> None:
        if not self.is_done and isinstance(error, JobStopped):
            error = self._with_partial(error)
        self.is_done = True
        with _of_its_own():
            self.future.set_exception(error)
        self.so_far = None

    def _with_partial(self, error: JobStopped) -> JobStopped:
        """A copy for this call alone, which tells in `details["partial"]` what was written."""
        so_far = self.so_far  # another thread may take it away
        try:
            texts = [] if so_far is None else so_far()
        except Exception:  # what the engine's thread writes is read here; the future must end with or without it
            log.exception("what was written of a stopped request could not be read")
            return error
        if not any(texts):
            return error
        partial = [text[: PARTIAL_CHARACTERS // len(texts)] for text in texts]
        return type(error)(error.message, details={**error.details, "partial": partial})


@contextmanager
def _of_its_own() -> Iterator[None]:
    """Whoever waits for a future may call back whatever it likes: the engine's thread goes on."""
    try:
        yield
    except InvalidStateError:
        pass  # somebody was first
    except BaseException:  # concurrent.futures itself stops only an Exception
        log.exception("a callback of a request raised; the engine goes on")
