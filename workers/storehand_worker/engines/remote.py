"""The engine `openai`: a model behind an OpenAI-compatible endpoint, with the manners of the engines that own theirs.

Its thread runs an event loop. A place (`slots`) is one request on the wire: a text that is written, or a batch of texts
that become vectors. Whoever is cancelled or overdue gives up its place, and the connection closes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from storehand.engine import EngineSpec, Request
from storehand.errors import EngineError, Expired, InvalidInput, ModelNotAvailable, StorehandError
from storehand.job import Priority
from storehand.task import ModelInfo
from storehand_worker.discretion import told
from storehand_worker.engines.base import BaseEngine, fail_overdue
from storehand_worker.engines.call import Call
from storehand_worker.engines.delivery import Deliveries
from storehand_worker.engines.estimate import estimate_tokens
from storehand_worker.engines.lane import now
from storehand_worker.engines.openai_endpoint import Endpoint
from storehand_worker.engines.openai_errors import Failed
from storehand_worker.engines.openai_options import EndpointOptions, endpoint_options
from storehand_worker.engines.openai_start import context_length
from storehand_worker.engines.openai_work import Ask, Asks, Embeds, Work
from storehand_worker.engines.reserve import reserved_slots
from storehand_worker.engines.scheduler import Part, Pick, room_to_share

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 0.1
"""How often deadlines are looked at while something waits or is on its way."""
REPORT_S = 0.02
"""What comes within this time is one step to observers: a report per token would cost more than the token."""
BACKOFF_MOST_S = 8.0
DEFAULT_CONTEXT = 8192


class RemoteEngine(BaseEngine[Ask]):
    """Kinds `generate` and `encode`. See `EndpointOptions` for the binding's options."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind not in ("generate", "encode"):
            raise ModelNotAvailable(f"the engine openai can generate and encode; role {spec.role} wants to {spec.kind}")
        self._options: EndpointOptions = endpoint_options(spec.role, spec.binding)
        self._options.secret_headers(spec.role)  # a variable that is not set stops the start here
        super().__init__(spec, _info(spec, self._options), capacity=spec.binding.slots)
        work = Asks if spec.kind == "generate" else Embeds
        self._work: Work = work(self, spec, self._options)
        self._reserved = reserved_slots(spec, self._options.reserved_slots)
        self.deliveries = Deliveries(f"stream-{spec.role}")
        self._tasks: dict[asyncio.Task[None], Sequence[Ask]] = {}
        self._most_running = 0
        self._new_tokens = 0
        self._reporting: asyncio.TimerHandle | None = None
        self._report_from = 0.0
        self._not_before = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: Future[ModelInfo] = Future()
        self._start()
        try:
            self._info = self._ready.result()
        except BaseException:
            self.close()
            raise

    # From any thread.

    def count_tokens(self, text: str) -> int:
        """An estimate: the tokenizer is at the endpoint."""
        return estimate_tokens(text)

    def _prepare(self, request: Request) -> tuple[Call[Any], Sequence[Part[Ask]]]:
        return self._work.prepare(request, max_tokens=self._info.max_tokens)

    def _running(self) -> int:
        return len(self._tasks)

    def _flush(self, timeout_s: float) -> None:
        self.deliveries.close(timeout_s)

    def _abandon(self) -> Iterable[Call[Any]]:
        return []  # its tasks end by themselves

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has closed
                self._loop.call_soon_threadsafe(self._changed.set)

    # The engine's thread.

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            log.exception("the engine of %s stopped; what waits for it fails", self._spec.role)
            self._die(told(error))

    async def _main(self) -> None:
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        try:
            self.endpoint = Endpoint(self._options, role=self._spec.role, model=self._spec.binding.model)
        except Exception as error:
            self._ready.set_exception(error)
            return
        try:
            await self._start_up()
            while not self._lane.is_closed:
                self._step()
                is_idle = not self._tasks and not self._lane.waiting
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), None if is_idle else TICK_S)
                self._changed.clear()
        finally:
            await self._stop()

    async def _start_up(self) -> None:
        try:
            self._ready.set_result(await self._checked())
        except Exception as error:
            self._lane.close()
            self._ready.set_exception(error)

    async def _checked(self) -> ModelInfo:
        found = None
        if self._options.check:
            found = await context_length(
                self.endpoint, self._spec, self._options, lambda attempt: self.persist(attempt, lambda: False)
            )
        if "max_tokens" in self._spec.binding.model_fields_set:
            return self._info
        return replace(self._info, max_tokens=found or DEFAULT_CONTEXT)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.endpoint.close()

    def _step(self) -> None:
        """Takes back the places of what has ended, and gives the free ones away."""
        at = self._last_step = now()
        for task, asks in list(self._tasks.items()):
            for ask in asks:
                if ask.call.is_overdue(at):
                    ask.call.fail(Expired("the deadline passed before the endpoint had answered"))
            if all(ask.call.is_done for ask in asks):
                task.cancel()
        while True:
            pick = self._pick(at)
            fail_overdue(ask.call for ask in pick.expired)
            if not pick.items:
                return
            if fresh := [ask for ask in pick.items if not ask.call.is_done]:
                self._send(fresh, at)

    def _pick(self, at: float) -> Pick[Ask]:
        room = self._capacity - len(self._tasks) if at >= self._not_before else 0
        shared = sum(asks[0].call.request.priority is not Priority.INTERACTIVE for asks in self._tasks.values())
        shared_room = room_to_share(
            capacity=self._capacity, running=len(self._tasks), shared=shared, reserved=self._reserved
        )
        return self._lane.pick(lambda line: self._work.pick(line, at, room=room, shared_room=shared_room))

    def _send(self, asks: Sequence[Ask], at: float) -> None:
        for ask in asks:
            ask.call.schedule(at)
        assert self._loop is not None
        task = self._loop.create_task(self._work.run(asks))
        self._tasks[task] = asks
        self._most_running = max(self._most_running, len(self._tasks))
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        asks = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request of %s ended in a way nobody expected", self._spec.role, exc_info=error)
            for ask in asks:
                ask.call.fail(EngineError(f"the engine failed on this request ({type(error).__name__})"))
        self._changed.set()

    async def persist(self, attempt: Callable[[], Awaitable[T]], has_begun: Callable[[], bool]) -> T:
        """The answer, after as many repetitions as the binding allows; none once its text has begun to reach a
        reader. Raises our errors only."""
        number = 0
        while True:
            try:
                answer = await attempt()
                self._failures = 0
                return answer
            except Exception as error:  # the border: whatever the library or the wire may raise
                failure = self.endpoint.failure(error)
            if failure.unsupported and self.endpoint.adapt(failure.unsupported):
                continue
            jitter = random.uniform(0.75, 1)  # noqa: S311  # nobody guesses at it
            backoff_s = min(self._options.backoff_s * 2**number, BACKOFF_MOST_S) * jitter
            wait_s = max(failure.wait_s or 0.0, backoff_s)
            if failure.wait_s is not None:
                self._not_before = max(self._not_before, now() + min(wait_s, self._options.max_wait_s))
            may_repeat = failure.is_temporary and not has_begun() and wait_s <= self._options.max_wait_s
            if not may_repeat or number >= self._options.max_retries:
                raise Failed(failure.error, may_be_one_text=failure.may_be_one_text) from None
            number += 1
            await asyncio.sleep(wait_s)

    def note_token(self) -> None:
        """A piece of a text has come; what comes together is reported together."""
        if not self._new_tokens and self._loop is not None:
            self._report_from = now()
            self._reporting = self._loop.call_later(REPORT_S, self.note_end)
        self._new_tokens += 1

    def note_end(self) -> None:
        """A text is complete, or it is time for a report.

        `items` are the requests that were on the wire side by side: how the server batches them is not told.
        """
        if not self._new_tokens:
            return
        if self._reporting is not None:
            self._reporting.cancel()
        items, tokens = self._most_running, self._new_tokens
        self._most_running, self._new_tokens = len(self._tasks), 0
        self._last_step = now()
        self._report("decode", items=items, tokens=max(tokens, items), padding_tokens=0,
                     seconds=now() - self._report_from)  # fmt: skip

    def note_step(self, items: int, tokens: int, seconds: float) -> None:
        """A request of some texts has its vectors: what more it could have held is not told."""
        self._last_step = now()
        self._report("encode", items=items, tokens=tokens, padding_tokens=0, seconds=seconds, capacity=0)

    def note_failed(self, error: StorehandError) -> None:
        """A request failed for good. What is the request's own fault says nothing about the endpoint."""
        if isinstance(error, InvalidInput):
            return
        self._failures += 1
        log.warning("%s; the job gets code %s, others go on", error.message, error.code)


def _info(spec: EngineSpec, options: EndpointOptions) -> ModelInfo:
    """`max_tokens` is the binding's where it says so, else what the endpoint tells, else a modest guess."""
    is_plain = spec.kind != "generate"
    return ModelInfo(
        role=spec.role,
        name=spec.name,
        revision=spec.binding.revision,
        kind=spec.kind,
        format="plain" if is_plain else "chat",
        max_tokens=spec.binding.max_tokens if "max_tokens" in spec.binding.model_fields_set else DEFAULT_CONTEXT,
        server=options.server,
    )
