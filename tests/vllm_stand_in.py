"""What our engine uses of vLLM, by the same names and manners, without vLLM: for machines it can't be installed on.

Requests are stepped side by side by a task of the loop, as vLLM's output handler does; tokens follow from prompt, seed
and position. A prompt with the token `deadly` kills the core, as an exception in vLLM's own forward does.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from types import ModuleType
from typing import Any

STEP_S = 0.001


class RequestOutputKind(Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class StructuredOutputsParams:
    json: str | dict[str, Any] | None = None


@dataclass(kw_only=True)
class SamplingParams:
    max_tokens: int | None = 16
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop_token_ids: list[int] | None = None
    logit_bias: dict[int, float] | None = None
    structured_outputs: StructuredOutputsParams | None = None
    detokenize: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE

    def __post_init__(self) -> None:
        if self.structured_outputs is not None and "nonsense" in str(self.structured_outputs.json):
            raise ValueError("this grammar can't be compiled")


@dataclass
class AsyncEngineArgs:
    model: str
    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    load_format: str = "auto"
    trust_remote_code: bool = False
    disable_log_stats: bool = False
    gpu_memory_utilization: float = 0.9
    enforce_eager: bool = False


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool


class EngineDeadError(Exception):
    pass


@dataclass
class Running:
    """A request in the core."""

    prompt: list[int]
    params: SamplingParams
    written: int = 0
    came: asyncio.Queue[RequestOutput | Exception] = field(default_factory=asyncio.Queue)


class AsyncLLM:
    """`built`: the arguments of the last one. `aborted`: the names of requests that were given up."""

    built: AsyncEngineArgs
    aborted: list[str] = []  # noqa: RUF012  # shared by all: tests look here
    deadly: int | None = None
    vocabulary = 300

    def __init__(self, arguments: AsyncEngineArgs) -> None:
        type(self).built = arguments
        self._most = arguments.max_num_seqs or 256
        self._running: dict[str, Running] = {}
        self._handler: asyncio.Task[None] | None = None
        self.errored = False

    @classmethod
    def from_engine_args(cls, engine_args: AsyncEngineArgs) -> AsyncLLM:
        asyncio.get_running_loop()
        if engine_args.gpu_memory_utilization > 1:
            raise ValueError("gpu_memory_utilization must be at most 1")
        return cls(engine_args)

    async def generate(
        self, prompt: Mapping[str, Any], sampling_params: SamplingParams, request_id: str
    ) -> AsyncGenerator[RequestOutput, None]:
        if self.errored:
            raise EngineDeadError
        if request_id in self._running:
            raise ValueError(f"the request id {request_id} is running")
        request = self._running[request_id] = Running(list(prompt["prompt_token_ids"]), sampling_params)
        if self._handler is None:
            self._handler = asyncio.get_running_loop().create_task(self._handle())
        finished = False
        try:
            while not finished:
                output = await request.came.get()
                if isinstance(output, Exception):
                    raise output
                finished = output.finished
                yield output
        except (asyncio.CancelledError, GeneratorExit):
            type(self).aborted.append(request_id)
            raise
        finally:
            self._running.pop(request_id, None)

    async def _handle(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            batch = list(self._running.items())[: self._most]
            if any(self.deadly in request.prompt for _, request in batch):
                self.errored = True
                for request in self._running.values():
                    request.came.put_nowait(EngineDeadError())
                return
            for name, request in batch:
                request.came.put_nowait(self._next(name, request))

    def _next(self, name: str, request: Running) -> RequestOutput:
        params = request.params
        token = self._token(request)
        request.written += 1
        is_end = token in (params.stop_token_ids or ())
        reason = "stop" if is_end else "length" if request.written >= (params.max_tokens or 16) else None
        if reason is not None:
            del self._running[name]
        return RequestOutput(name, request.prompt, [CompletionOutput(0, "", [token], reason)], reason is not None)

    def _token(self, request: Running) -> int:
        seed = request.params.seed if request.params.temperature > 0 else 0
        source = f"{seed} {request.prompt} {request.written}".encode()
        return int.from_bytes(blake2b(source, digest_size=4).digest()) % self.vocabulary

    def shutdown(self) -> None:
        if self._handler is not None:
            self._handler.cancel()
        self._running.clear()


@contextmanager
def vllm_installed() -> Iterator[type[AsyncLLM]]:
    """While open, `import vllm` finds the stand-in."""
    names = ("vllm", "vllm.sampling_params", "vllm.v1", "vllm.v1.engine", "vllm.v1.engine.async_llm")
    modules: dict[str, Any] = {name: ModuleType(name) for name in names}
    modules["vllm"].AsyncEngineArgs = AsyncEngineArgs
    modules["vllm"].SamplingParams = SamplingParams
    modules["vllm.sampling_params"].RequestOutputKind = RequestOutputKind
    modules["vllm.sampling_params"].StructuredOutputsParams = StructuredOutputsParams
    modules["vllm.v1.engine.async_llm"].AsyncLLM = AsyncLLM
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(modules)
    try:
        yield AsyncLLM
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
