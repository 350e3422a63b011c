"""The engine `vllm`: vLLM in this process's own care, behind the lane and the manners of the other engines.

Its AsyncLLM batches by itself; here is who gets in, when a text ends, and what happens to a request that fails. The
event loop it needs runs on the engine's thread, and only while there is work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing, suppress
from itertools import count
from typing import Any, Literal, NamedTuple

from storehand.engine import EngineSpec, GenerateRequest
from storehand.errors import EngineError, InvalidInput, ModelNotAvailable, StorehandError
from storehand_worker.engines.failures import as_engine_error
from storehand_worker.engines.inputs import check_bias, refuse
from storehand_worker.engines.lane import now
from storehand_worker.engines.row import Row
from storehand_worker.engines.rows import RowEngine, is_open
from storehand_worker.engines.sampling import Sampling
from storehand_worker.engines.vllm_library import AsyncLLM, build, params_of, text_of

TICK_S = 0.1
"""How often deadlines are looked at while nothing comes."""
ABORT_S = 1.0


class News(NamedTuple):
    """What has come of one row since the last step."""

    row: Row
    tokens: Sequence[int]
    end: str | None = None
    error: Exception | None = None


class VllmEngine(RowEngine):
    """Kind `generate`. Options of the binding: `engine_args` (of vLLM's AsyncEngineArgs), `reserved_slots`,
    `chat_template_kwargs`."""

    def __init__(self, spec: EngineSpec) -> None:
        if spec.kind != "generate":
            raise ModelNotAvailable(f"the engine vllm generates; role {spec.role} wants to {spec.kind}")
        super().__init__(spec, text_of(spec), engine="vllm")
        self._names = count()
        self._tasks: dict[asyncio.Task[None], Row] = {}
        self._news: list[News] = []
        self._moved = asyncio.Event()
        self._moved_at = now()
        self._loop = asyncio.new_event_loop()
        try:
            self._llm: AsyncLLM = self._loop.run_until_complete(build(spec, max_tokens=self._text.max_tokens))
        except BaseException:
            self._loop.close()
            raise
        self._start()

    # From any thread.

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._moved.set)

    def _sampling(self, request: GenerateRequest, index: int, seen: tuple[int, ...]) -> Sampling:
        """vLLM samples; ours only tells when a text is complete."""
        refuse(request.options, "logits_processors", by="the engine vllm")
        check_bias(request.options, vocabulary=self._text.vocabulary)
        return Sampling()

    # The engine's thread.

    def _serve(self) -> None:
        try:
            super()._serve()
        finally:
            self._let_go(list(self._tasks))
            self._llm.shutdown()
            self._end(asyncio.all_tasks(self._loop))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _step(self) -> None:
        if not self._rows:
            self._moved_at = now()
        self._last_step = self._moved_at  # waiting for vLLM is no step: the watchdog shall see when nothing comes
        self._release()
        self._let_go([task for task, row in self._tasks.items() if not is_open(row)])
        for row in self._admit(budget=1 << 60):
            self._tasks[self._loop.create_task(self._write(row))] = row
        if not self._rows:
            return
        self._loop.run_until_complete(self._wait())
        if self._llm.errored:
            self._die("vLLM's engine core has died")
            return
        if self._news:
            self._take()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), TICK_S)
        self._moved.clear()

    def _let_go(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Aborts what nobody waits for: vLLM hears of it by the end of its generator."""
        for task in tasks:
            del self._tasks[task]
        self._end(tasks)

    def _end(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        if open_tasks := [task for task in tasks if not task.done()]:
            self._loop.run_until_complete(asyncio.wait(open_tasks, timeout=ABORT_S))

    async def _write(self, row: Row) -> None:
        try:
            async with aclosing(self._outputs(row)) as outputs:
                async for output in outputs:
                    for each in output.outputs:
                        self._tell_of(News(row, list(each.token_ids), each.finish_reason))
        except Exception as error:  # the border: whatever vLLM raises, also for its own arguments
            self._tell_of(News(row, (), error=error))

    def _outputs(self, row: Row) -> AsyncGenerator[Any, None]:
        request = row.call.request
        assert isinstance(request, GenerateRequest)
        return self._llm.generate(
            prompt={"prompt_token_ids": list(row.prompt)},
            sampling_params=params_of(request, row.index, stop_ids=self._text.stop_ids),
            request_id=f"{self._spec.role}-{next(self._names)}",  # a redelivered request has its id a second time
        )

    def _tell_of(self, news: News) -> None:
        self._news.append(news)
        self._moved.set()

    def _take(self) -> None:
        """What has come since the last step is one step to observers."""
        news, self._news = self._news, []
        at, started = now(), self._moved_at
        self._moved_at = at
        fresh = [each.row for each in news if each.tokens and not each.row.out]
        tokens = sum(len(each.tokens) for each in news) + sum(len(row.prompt) for row in fresh)
        if tokens:
            items = len({id(each.row) for each in news if each.tokens})
            phase: Literal["prefill", "decode"] = "prefill" if fresh else "decode"
            self._report(phase, items=items, tokens=tokens, padding_tokens=0, seconds=at - started)
        for each in news:
            self._settle(each, at)

    def _settle(self, news: News, at: float) -> None:
        row = news.row
        for token in news.tokens:
            if is_open(row):
                self._append(row, token, at)
        if not is_open(row):
            return
        if news.error is not None:
            self._note_failure(news.error)
            row.call.fail(_failure(news.error))
        elif news.end == "length" or news.end == "stop":
            self._complete(row, "length" if news.end == "length" else "stop")
        elif news.end is not None:
            row.call.fail(EngineError(f"vLLM ended this text ({news.end})"))


def _failure(error: Exception) -> StorehandError:
    """vLLM wraps what its core raises, and refuses a request by a ValueError."""
    if isinstance(error, ValueError):
        return InvalidInput(f"vLLM refuses this request: {error}")
    return as_engine_error(error.__cause__ or error)
