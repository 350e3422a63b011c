"""An engine without a model, and a task that asks for it: what the host's tests run on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

from storehand.contracts import TaskInput, TaskOutput
from storehand.engine import (
    BatchReport,
    EngineHealth,
    EngineSpec,
    EngineState,
    EngineStats,
    GenerateRequest,
    Request,
    Result,
    TextsRequest,
    Timings,
)
from storehand.errors import Overloaded, StorehandError
from storehand.settings import ModelBinding
from storehand.task import Classification, Completion, Context, Kind, ModelInfo, Models, Task

TIMINGS = Timings(lane_wait_s=0.25, inference_s=0.5, first_token_s=0.35)


class SmallEngine:
    """Answers at once, or, while `hold()` is on, when it is released or cancelled."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.requests: list[Request] = []
        self.cancelled: list[tuple[str, StorehandError]] = []
        self.open: dict[str, tuple[Request, Future[Result]]] = {}
        self.state = EngineState.OK
        self.error: StorehandError | None = None
        self.room: int | None = None
        self.is_closed = False
        self._is_held = False
        self._lock = threading.Lock()

    @property
    def info(self) -> ModelInfo:
        labels = ("bad", "good") if self.spec.kind == "classify" else ()
        return ModelInfo(self.spec.role, self.spec.name, None, self.spec.kind, "plain", 512, labels)

    def submit(self, request: Request) -> Future[Result]:
        with self._lock:
            if self.room is not None and len(self.open) >= self.room:
                raise Overloaded()
            self.requests.append(request)
            self.open[request.id] = (request, Future())
            future = self.open[request.id][1]
        if not self._is_held:
            self.release()
        return future

    def hold(self) -> None:
        self._is_held = True

    def release(self, most: int | None = None) -> None:
        """Answers the oldest `most` open requests."""
        with self._lock:
            ids = list(self.open)[:most]
            taken = [self.open.pop(each) for each in ids]
        for request, future in taken:
            if self.error is not None:
                future.set_exception(self.error)
            else:
                future.set_result(answer(request, self.spec.kind))
                self.spec.on_batch(BatchReport(self.spec.name, "encode", 1, 0, 3, 1, 0.01, 0, 0))

    def cancel(self, request_id: str, error: StorehandError) -> None:
        with self._lock:
            self.cancelled.append((request_id, error))
            _, future = self.open.pop(request_id, (None, None))
        if future is not None:
            future.set_exception(error)

    def count_tokens(self, text: str) -> int:
        return len(text)

    def stats(self) -> EngineStats:
        return EngineStats(running=len(self.open), waiting=2, capacity=8)

    def health(self) -> EngineHealth:
        return EngineHealth(self.state, "a reason")

    def close(self, timeout_s: float = 10.0) -> None:
        self.is_closed = True


def answer(request: Request, kind: Kind) -> Result:
    """What the engine says: lengths, so that a test can tell the texts apart."""
    if isinstance(request, GenerateRequest):
        text = f"{request.prompt} {request.options.seed}"
        completions = tuple(Completion(text, "stop", 2) for _ in range(request.options.n))
        return Result(timings=TIMINGS, prompt_tokens=3, completion_tokens=2, completions=completions)
    assert isinstance(request, TextsRequest)
    lengths = [float(len(text)) for text in request.texts]
    if kind == "classify":
        shares = tuple(Classification({"bad": 1 / (1 + n), "good": n / (1 + n)}) for n in lengths)
        return Result(timings=TIMINGS, prompt_tokens=len(lengths), classifications=shares)
    if kind == "encode":
        return Result(timings=TIMINGS, prompt_tokens=len(lengths), vectors=tuple((n, 1.0) for n in lengths))
    return Result(
        timings=TIMINGS, scores=tuple(n - len(other) for n, other in zip(lengths, request.pairs or (), strict=True))
    )


class Small:
    """An engine factory that keeps what it built."""

    def __init__(self) -> None:
        self.built: list[SmallEngine] = []

    def __call__(self, spec: EngineSpec) -> SmallEngine:
        self.built.append(SmallEngine(spec))
        return self.built[-1]


class EchoOutput(TaskOutput):
    text: str


class EchoInput(TaskInput[EchoOutput]):
    text: str


class EchoTask(Task[EchoInput, EchoOutput]):
    """Says what the model says."""

    name = "echo"
    input_type = EchoInput
    output_type = EchoOutput
    roles: ClassVar[Mapping[str, Kind]] = {"text": "generate"}
    examples = (EchoInput(text="hello"), EchoInput(text="你好"))

    def run(self, input: EchoInput, models: Models, context: Context) -> EchoOutput:
        return EchoOutput(text=models.generate("text", input.text)[0].text)


def make_task(
    name: str,
    roles: Mapping[str, Kind],
    *,
    starters: Mapping[str, Path] | None = None,
    run: Callable[..., Any] | None = None,
    examples: tuple[EchoInput, ...] = (EchoInput(text="hi"),),
) -> Task[Any, Any]:
    """An echo task of another name and other roles; `run` replaces its work."""
    body: dict[str, Any] = {"name": name, "roles": roles, "starters": starters or {}, "examples": examples}
    body["run"] = run or (lambda self, given, models, context: EchoOutput(text=given.text))
    return type("MadeTask", (EchoTask,), body)()


SMALL = ModelBinding(engine="small", model="small")
