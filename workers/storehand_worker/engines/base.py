"""What all engines share: one thread that owns the model, the lane before it, reports, health and an orderly end."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Literal, TypeVar

from storehand.engine import BatchReport, EngineHealth, EngineSpec, EngineState, EngineStats, Request, Result
from storehand.errors import EngineError, EngineLost, Expired, StorehandError
from storehand.task import ModelInfo
from storehand_worker.discretion import told
from storehand_worker.engines.budget import KeptBudget
from storehand_worker.engines.call import Call
from storehand_worker.engines.failures import as_engine_error as as_engine_error
from storehand_worker.engines.failures import is_fatal
from storehand_worker.engines.isolation import Isolation, Piece
from storehand_worker.engines.lane import Lane, now
from storehand_worker.engines.scheduler import Part
from storehand_worker.engines.watchdog import Watchdog, stuck_reason

log = logging.getLogger(__name__)

P = TypeVar("P")
T = TypeVar("T")

DEGRADED_AFTER = 3
"""Failed steps in a row before health says degraded."""
LOST_JOIN_S = 0.5
"""How long `close` waits for the thread of an engine that is lost: it may hang for good."""
STUMBLES = 3
"""Errors of the loop itself, without a good step between them, before the engine gives itself up."""


class BaseEngine(ABC, Generic[P]):
    """Subclasses load their model, then call `_start`; `_step` runs on the engine's thread.

    `place` names device and number type, where memory can run out: what is learned of it is kept for the next start.
    """

    def __init__(self, spec: EngineSpec, info: ModelInfo, *, capacity: int, place: str = "") -> None:
        self._spec = spec
        self._info = info
        self._capacity = capacity
        self._lane: Lane[P] = Lane(spec.binding.max_waiting, spec.binding.max_waiting_tokens)
        self._thread = threading.Thread(target=self._serve, name=f"engine-{spec.role}", daemon=True)
        self._watchdog = Watchdog(f"watchdog-{spec.role}", self._look, every_s=spec.binding.stuck_after_s / 8)
        self._budget = KeptBudget(spec, place=place)
        self._isolation = Isolation(self._budget, rows=capacity, failed=self._note_failure, beat=self._beat)
        self._last_step = now()
        self._free_at = self._last_step
        self._predicted_s = 0.0
        self._steps = 0
        self._stumbles = 0
        self._restarts = 0
        self._failures = 0
        self._fatal = ""

    def _start(self) -> None:
        self._thread.start()
        self._watchdog.start()

    @property
    def info(self) -> ModelInfo:
        return self._info

    def submit(self, request: Request) -> Future[Result]:
        """See `storehand.engine.Engine`."""
        if self._fatal:
            raise self._lost()
        call, parts = self._prepare(request)
        if call.is_overdue(call.submitted_at):
            raise Expired("the deadline had passed before the model was asked")
        if not self._is_busy():
            self._last_step = call.submitted_at  # idle time is no age
        try:
            self._lane.put(call, parts)
        except EngineError:
            if self._fatal:  # it was lost while this request was being prepared
                raise self._lost() from None
            raise
        self._wake()
        return call.future

    def cancel(self, request_id: str, error: StorehandError) -> None:
        """Ends the future now; the device lets go of the request before its next step."""
        self._lane.cancel(request_id, error)
        self._wake()

    def stats(self) -> EngineStats:
        return EngineStats(
            running=self._running(),
            waiting=self._lane.waiting,
            capacity=self._capacity,
            budget_tokens=self._budget.tokens,
            shortages=self._budget.shortages,
            restarts=self._restarts,
        )

    def health(self) -> EngineHealth:
        age_s = now() - self._last_step if self._is_busy() else 0.0
        if self._fatal or self._lane.is_closed or not self._thread.is_alive():
            return EngineHealth(EngineState.DEAD, self._fatal or "closed", age_s)
        if self._failures >= DEGRADED_AFTER:
            return EngineHealth(EngineState.DEGRADED, f"{self._failures} failed steps in a row", age_s)
        if self._budget.is_short(now()):
            detail = f"out of memory again and again; a batch may have {self._budget.tokens} tokens now"
            return EngineHealth(EngineState.DEGRADED, detail, age_s)
        return EngineHealth(EngineState.OK, last_step_age_s=age_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Stops after the step in hand; whatever is unfinished then ends with EngineError."""
        self._watchdog.stop()
        self._lane.close()
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(LOST_JOIN_S if self._fatal else timeout_s)
        self._flush(timeout_s)
        self._lane.fail_all(EngineError("the engine was closed before it could answer"))

    def _wake(self) -> None:
        """Something changed: for engines that wait for more than their lane."""

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

    # The engine's thread.

    def _serve(self) -> None:
        try:
            while not self._fatal and self._has_work() and not self._lane.is_closed:
                self._last_step = now()
                try:
                    self._step()
                except BaseException as error:  # the border: a broken observer's sys.exit() ends no engine either
                    self._recover(error)
                else:
                    self._beat()  # before it counts: the watchdog must not judge the first step by its age
                    self._steps += 1
                    self._stumbles = 0
        finally:
            if not self._lane.is_closed:
                self._die("its loop ended")

    def _has_work(self) -> bool:
        """Waits for some; False once the lane is closed."""
        if self._is_busy():
            return True
        found = self._lane.wait()
        self._free_at = now()  # idle time is no gap between steps
        return found

    def _is_busy(self) -> bool:
        return bool(self._running() or self._lane.waiting)

    def _recover(self, error: BaseException) -> None:
        """Not a forward, which is isolated, but the loop around it has failed, or the device is lost. What was on the
        device fails; the next request finds a running engine, unless the loop fails again and again."""
        self._note_failure(error)
        if self._fatal:
            self._die(self._fatal)
            self._abandon()
            return
        self._stumbles += 1
        self._restarts += 1
        log.error("the loop of %s failed; it starts again", self._spec.role, exc_info=error)
        failure = as_engine_error(error)
        if not isinstance(failure, EngineError):
            failure = EngineError(f"the engine failed ({failure.message})")
        for call in (*self._abandon(), *self._lane.taken()):
            call.fail(failure)
        if self._stumbles >= STUMBLES:
            self._die(f"its loop fails again and again ({failure.message})", is_anybodys=True)

    def _note_failure(self, error: BaseException) -> None:
        """Remembers a failed step for `health`; a broken device ends the engine."""
        self._failures += 1
        if is_fatal(error):
            self._fatal = told(error)[:300]
        log.warning(
            "the model of %s failed on a batch (%s); what it can't answer alone fails, the rest goes on",
            self._spec.role,
            told(error),
        )

    def _in_halves(
        self,
        forward: Callable[[int, int], T],
        low: int,
        high: int,
        *,
        tokens: Callable[[int, int], int] | None = None,
        is_done: Callable[[int, int], bool] = lambda low, high: False,
    ) -> Iterator[Piece[T]]:
        """See `Isolation.run`."""
        return self._isolation.run(forward, low, high, tokens=tokens, is_done=is_done)

    def _beat(self) -> None:
        """Each forward is judged alone: taking a batch apart may take long."""
        self._last_step = now()

    def _report(
        self,
        phase: Literal["prefill", "decode", "encode"],
        *,
        items: int,
        tokens: int,
        padding_tokens: int,
        seconds: float,
        least_s: float = 0.0,
        capacity: int | None = None,
        budget_tokens: int = 0,
    ) -> None:
        """A step went well: tells whoever watches. `capacity` where it is another one than the engine's."""
        self._failures = 0
        self._isolation.went_well(is_budgeted=phase != "decode")
        ended = now()
        gap_s, self._free_at = max(0.0, ended - seconds - self._free_at), ended
        report = BatchReport(
            model=self._spec.name,
            phase=phase,
            items=items,
            capacity=self._capacity if capacity is None else capacity,
            tokens=tokens,
            padding_tokens=padding_tokens,
            seconds=seconds,
            running=self._running(),
            waiting=self._lane.waiting,
            least_s=least_s,
            gap_s=gap_s,
            budget_tokens=budget_tokens,
        )
        try:
            self._spec.on_batch(report)
        except BaseException:  # an observer's sys.exit() too: this batch is answered all the same
            log.exception("on_batch of %s raised; the batch is not affected", self._spec.role)

    # The end, from any thread.

    def _look(self) -> bool:
        """The watchdog's: whether the engine has ended. A first step may compile and fetch what it needs, so it is not
        judged."""
        if self._steps and self._is_busy() and not self._fatal:
            age_s = now() - self._last_step
            reason = stuck_reason(age_s, stuck_after_s=self._spec.binding.stuck_after_s, predicted_s=self._predicted_s)
            if reason:
                self._die(reason)
        return bool(self._fatal) or self._lane.is_closed

    def _die(self, reason: str, *, is_anybodys: bool = False) -> None:
        """Nothing will be answered any more: ends all calls, those on the device as suspects (or all of them)."""
        self._fatal = reason
        log.critical("the engine of %s is lost: %s; its worker should leave", self._spec.role, reason)
        self._lane.close()
        for call in self._lane.taken():
            call.fail(self._lost(on_device=True))
        self._lane.fail_all(self._lost(on_device=is_anybodys))

    def _lost(self, *, on_device: bool = False) -> EngineLost:
        message = f"the engine of {self._spec.role} is dead: {self._fatal}"
        return EngineLost(message, details={"on_device": on_device})


def fail_overdue(calls: Iterable[Call[Any]]) -> None:
    """Ends calls whose deadline passed while they waited."""
    for call in calls:
        call.fail(Expired("the deadline passed before the model could start"))
