"""The models of one job: turns a task's calls into engine requests and waits, until the answer or a stop comes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Protocol

from storehand.engine import Engine, GenerateRequest, Request, Result, TextsRequest, Timings
from storehand.errors import Cancelled, JobStopped, ModelNotAvailable, StopJob, StorehandError
from storehand.job import Priority
from storehand.task import Classification, Completion, Context, GenerateOptions, Kind, ModelInfo, ModelUsage, Prompt
from storehand_worker.calls import Calls
from storehand_worker.job_trace import Tell
from storehand_worker.model_call import ModelCall, WaitFor
from storehand_worker.start import Start

PIECE_TEXTS = 32
"""Texts per request: small enough that a job of 500 reviews shares the engine's batches with everybody else."""


class StoppableContext(Context, Protocol):
    """A context that tells who waits when the job is to stop."""

    def attach(self, callback: Callable[[JobStopped], None]) -> Callable[[], None]:
        """Calls back once on a stop, from any thread; returns the way to detach."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """One request to an engine as it ended, for the metrics. `wasted_tokens` is what the finished calls of a job had
    cost by the time it was stopped: computed for nobody. `start` stands in the first report of a job."""

    task: str
    model: str
    kind: Kind
    priority: Priority
    code: str
    timings: Timings | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wasted_tokens: int = 0
    start: Start | None = None


_process, _numbers = f"{os.urandom(4).hex()}-", count()
"""Tell the requests of one attempt apart, also where the job is run a second time."""

OnCall = Callable[[CallReport], None]


class JobModels:
    """`Models` for one job. Safe to use from several threads of that job."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        context: StoppableContext,
        *,
        task: str = "",
        on_call: OnCall = lambda report: None,
        wait_for: WaitFor = Future.exception,
        start: Start | None = None,
        calls: Calls | None = None,
    ) -> None:
        self._engines = engines
        self._context = context
        self._task = task
        self._on_call = on_call
        self._wait_for = wait_for
        self._start = start or Start(context.job_id)
        self._calls = calls or Calls()
        self._usage = ModelUsage()
        self._usage_lock = threading.Lock()
        self._wasted_tokens = 0

    @property
    def usage(self) -> ModelUsage:
        with self._usage_lock:
            return replace(self._usage)

    def generate(
        self,
        role: str,
        prompt: Prompt,
        options: GenerateOptions | None = None,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        engine = self._engine(role, "generate")
        chosen = options or GenerateOptions()
        if chosen.seed is None:
            chosen = replace(chosen, seed=self._context.seed)
        request = GenerateRequest(prompt=prompt, options=chosen, on_text=on_text, **self._about())
        [result] = self._run(role, engine, [request], text=request)
        return list(result.completions)

    def classify(self, role: str, texts: Sequence[str]) -> list[Classification]:
        results = self._texts(role, "classify", texts)
        return [each for result in results for each in result.classifications]

    def encode(self, role: str, texts: Sequence[str], *, prompt: str = "") -> list[list[float]]:
        results = self._texts(role, "encode", texts, prompt=prompt)
        return [list(each) for result in results for each in result.vectors]

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        results = self._texts(role, "score", [left for left, _ in pairs], [right for _, right in pairs])
        return [each for result in results for each in result.scores]

    def count_tokens(self, role: str, text: str) -> int:
        return self._engine(role).count_tokens(text)

    def info(self, role: str) -> ModelInfo:
        return self._engine(role).info

    def has(self, role: str) -> bool:
        return role in self._engines

    def _engine(self, role: str, kind: Kind | None = None) -> Engine:
        engine = self._engines.get(role)
        if engine is None:
            loaded = ", ".join(sorted(self._engines)) or "none"
            raise ModelNotAvailable(
                f"no model is loaded for the role {role!r} (loaded: {loaded}); "
                f"name it in `roles` of the task {self._task!r}"
            )
        if kind is not None and engine.info.kind != kind:
            raise ModelNotAvailable(
                f"the role {role!r} is bound to {engine.info.name}, which can {engine.info.kind}, not {kind}; "
                "call it by its kind, or bind another model to the role"
            )
        return engine

    def _about(self) -> dict[str, Any]:
        context = self._context
        deadline = context.deadline
        return {
            "id": f"{context.job_id}.{context.attempt}.{_process}{next(_numbers):x}",
            "task": self._task,
            "tenant": context.tenant,
            "priority": context.priority,
            "deadline": None if deadline is None else time.monotonic() + deadline - time.time(),
            "seed": context.seed,
        }

    def _texts(
        self, role: str, kind: Kind, texts: Sequence[str], pairs: Sequence[str] | None = None, *, prompt: str = ""
    ) -> list[Result]:
        if isinstance(texts, str):
            raise TypeError("a list of texts is wanted; this is one text")  # its letters would be answered one by one

        def pieces() -> Iterator[Request]:
            for start in range(0, len(texts), PIECE_TEXTS):
                end = start + PIECE_TEXTS
                beside = None if pairs is None else tuple(pairs[start:end])
                yield TextsRequest(texts=tuple(texts[start:end]), pairs=beside, prompt=prompt, **self._about())

        return self._run(role, self._engine(role, kind), pieces())

    def _run(
        self, role: str, engine: Engine, requests: Iterable[Request], *, text: GenerateRequest | None = None
    ) -> list[Result]:
        with self._calls.trace.call(role, engine.info, text) as tell:
            return self._asked(role, engine, requests, tell)

    def _asked(self, role: str, engine: Engine, requests: Iterable[Request], tell: Tell) -> list[Result]:
        """The results in order; leaves by StopJob when the job stops, and leaves nothing of the call behind."""
        self._start.ask()
        call = ModelCall(engine, self._wait_for, on_queued=self._start.queue)
        detach = self._context.attach(call.cancel)
        try:
            self._context.check()
            started = time.monotonic()
            results = [self._spend(role, engine, each) for each in call.results(requests, check=self._context.check)]
            self._add_wall(time.monotonic() - started, results)
            tell(results, call.asked_at)
            return results
        except StopJob as stop:
            self._report(engine, stop.error.code, wasted_tokens=self._waste())
            raise
        except StorehandError as error:
            if isinstance(error, JobStopped) or self._context.cancelled:
                self._report(engine, error.code, wasted_tokens=self._waste())
                self._context.check()  # the context knows the reason best
            if isinstance(error, JobStopped):  # the engine saw the deadline before our watcher did
                raise StopJob(error) from error
            self._report(engine, error.code)
            raise
        finally:
            detach()
            call.cancel(Cancelled("the call that asked was left"))

    def _spend(self, role: str, engine: Engine, result: Result) -> Result:
        self._calls.add(role, engine.info, result)
        with self._usage_lock:
            self._usage.prompt_tokens += result.prompt_tokens
            self._usage.completion_tokens += result.completion_tokens
        self._report(
            engine,
            "ok",
            timings=result.timings,
            prompt_tokens=result.prompt_tokens,
            completion_tokens=result.completion_tokens,
            start=self._start if self._start.schedule(result.timings.lane_wait_s) else None,
        )
        return result

    def _add_wall(self, wall_s: float, results: Sequence[Result]) -> None:
        """The requests of one call lie beside each other in the engine, so their own times must not be summed."""
        lane_wait_s = min(wall_s, min((result.timings.lane_wait_s for result in results), default=0.0))
        with self._usage_lock:
            self._usage.lane_wait_s += lane_wait_s
            self._usage.inference_s += wall_s - lane_wait_s

    def _waste(self) -> int:
        """Tokens not yet counted as wasted: several calls of one job may stop at once."""
        with self._usage_lock:
            spent = self._usage.prompt_tokens + self._usage.completion_tokens
            wasted, self._wasted_tokens = spent - self._wasted_tokens, spent
        return wasted

    def _report(self, engine: Engine, code: str, **figures: Any) -> None:
        info, priority = engine.info, self._context.priority
        self._on_call(
            CallReport(task=self._task, model=info.name, kind=info.kind, priority=priority, code=code, **figures)
        )
