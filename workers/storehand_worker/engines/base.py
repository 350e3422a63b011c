"""What all engines share: one thread that owns the model, the lane before it, reports, health and an orderly end."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Literal, TypeVar

from storehand.engine import BatchReport, EngineHealth, EngineSpec, EngineState, EngineStats, Request, Result
from storehand.errors import EngineError, Expired, OutOfMemory, StorehandError
from storehand.task import ModelInfo
from storehand_worker.engines.call import Call
from storehand_worker.engines.lane import Lane, now
from storehand_worker.engines.scheduler import Part

log = logging.getLogger(__name__)

P = TypeVar("P")

DEGRADED_AFTER = 3
"""Failed steps in a row before health says degraded."""


class BaseEngine(ABC, Generic[P]):
    """Subclasses load their model, then call `_start`; `_step` runs on the engine's thread."""

    def __init__(self, spec: EngineSpec, info: ModelInfo, *, capacity: int) -> None:
        self._spec = spec
        self._info = info
        self._capacity = capacity
        self._lane: Lane[P] = Lane(spec.binding.max_waiting)
        self._thread = threading.Thread(target=self._serve, name=f"engine-{spec.role}", daemon=True)
        self._last_step = now()
        self._free_at = self._last_step
        self._failures = 0
        self._fatal = ""

    def _start(self) -> None:
        self._thread.start()

    @property
    def info(self) -> ModelInfo:
        return self._info

    def submit(self, request: Request) -> Future[Result]:
        """See `storehand.engine.Engine`."""
        if self._fatal:
            raise EngineError(f"the engine of {self._spec.role} is dead: {self._fatal}")
        call, parts = self._prepare(request)
        if call.is_overdue(call.submitted_at):
            raise Expired("the deadline had passed before the model was asked")
        if not self._running() and not self._lane.waiting:
            self._last_step = call.submitted_at  # idle time is no age
        self._lane.put(call, parts)
        return call.future

    def cancel(self, request_id: str, error: StorehandError) -> None:
        """Ends the future now; the device lets go of the request before its next step."""
        self._lane.cancel(request_id, error)

    def stats(self) -> EngineStats:
        return EngineStats(running=self._running(), waiting=self._lane.waiting, capacity=self._capacity)

    def health(self) -> EngineHealth:
        is_busy = self._running() or self._lane.waiting
        age_s = now() - self._last_step if is_busy else 0.0
        if self._fatal or self._lane.is_closed or not self._thread.is_alive():
            return EngineHealth(EngineState.DEAD, self._fatal or "closed", age_s)
        if self._failures >= DEGRADED_AFTER:
            return EngineHealth(EngineState.DEGRADED, f"{self._failures} failed steps in a row", age_s)
        return EngineHealth(EngineState.OK, last_step_age_s=age_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Stops after the step in hand; whatever is unfinished then ends with EngineError."""
        self._lane.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        self._flush(timeout_s)
        self._lane.fail_all(EngineError("the engine was closed before it could answer"))

    def _flush(self, timeout_s: float) -> None:
        """Hands out answers that are complete but not yet delivered."""

    @abstractmethod
    def count_tokens(self, text: str) -> int: ...

    @abstractmethod
    def _prepare(self, request: Request) -> tuple[Call[Any], Sequence[Part[P]]]:
        """Validates in the caller's thread (InvalidInput) and splits the request into parts."""

    @abstractmethod
    def _step(self) -> None:
        """One batch. Only on the engine's thread."""

    @abstractmethod
    def _running(self) -> int:
        """Parts on the device."""

    @abstractmethod
    def _abandon(self) -> Iterable[Call[Any]]:
        """Clears the device after an error nobody expected; the calls that were on it."""

    def _serve(self) -> None:
        while not self._fatal and self._has_work() and not self._lane.is_closed:
            self._last_step = now()
            try:
                self._step()
            except Exception as error:  # the border: whatever it was, the next request finds a running engine
                self._note_failure(error)
                for call in self._abandon():
                    call.fail(as_engine_error(error))
        if self._fatal:
            self._lane.fail_all(EngineError(f"the engine of {self._spec.role} died: {self._fatal}"))

    def _has_work(self) -> bool:
        """Waits for some; False once the lane is closed."""
        if self._running() or self._lane.waiting:
            return True
        found = self._lane.wait()
        self._free_at = now()  # idle time is no gap between steps
        return found

    def _note_failure(self, error: BaseException) -> None:
        """Remembers a failed step for `health`; a broken device ends the engine."""
        self._failures += 1
        if is_fatal(error):
            self._fatal = f"{type(error).__name__}: {error}"
        log.warning(
            "the model of %s failed on a batch (%s: %s); what it can't answer alone fails, the rest goes on",
            self._spec.role,
            type(error).__name__,
            error,
        )

    def _report(
        self,
        phase: Literal["prefill", "decode", "encode"],
        *,
        items: int,
        tokens: int,
        padding_tokens: int,
        seconds: float,
        least_s: float = 0.0,
    ) -> None:
        """A step went well: tells whoever watches."""
        self._failures = 0
        ended = now()
        gap_s, self._free_at = max(0.0, ended - seconds - self._free_at), ended
        report = BatchReport(
            model=self._spec.name,
            phase=phase,
            items=items,
            capacity=self._capacity,
            tokens=tokens,
            padding_tokens=padding_tokens,
            seconds=seconds,
            running=self._running(),
            waiting=self._lane.waiting,
            least_s=least_s,
            gap_s=gap_s,
        )
        try:
            self._spec.on_batch(report)
        except Exception:
            log.exception("on_batch of %s raised; the batch is not affected", self._spec.role)


def fail_overdue(calls: Iterable[Call[Any]]) -> None:
    """Ends calls whose deadline passed while they waited."""
    for call in calls:
        call.fail(Expired("the deadline passed before the model could start"))


def as_engine_error(error: BaseException) -> StorehandError:
    """What a caller sees of a failed step: the border between the model's errors and ours."""
    if isinstance(error, StorehandError):
        return error
    text = f"{type(error).__name__}: {error}"
    if _is_out_of_memory(error):
        return OutOfMemory(f"this request does not fit into the device's memory ({text[:200]})")
    return EngineError(f"the model failed on this request ({text[:500]})")


def _is_out_of_memory(error: BaseException) -> bool:
    # torch.OutOfMemoryError on a device; on the CPU the allocator raises a plain RuntimeError
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "not enough memory" in str(error))
    )


def is_fatal(error: BaseException) -> bool:
    """Whether the device itself is lost: a CUDA error sticks until the process ends."""
    return type(error).__name__ == "AcceleratorError"
