"""The interface between the host and an engine: one loaded model and its batching.

`submit` and `cancel` may be called from any thread. Everything an engine does to its model happens on one thread
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from storehand.errors import StorehandError
from storehand.job import Priority
from storehand.settings import ModelBinding
from storehand.task import Classification, Completion, GenerateOptions, Kind, ModelInfo, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one model call asks for. `id` is unique per call, also over redeliveries of a job.

    `deadline` is on the monotonic clock of this process (`time.monotonic()`), or none.
    """

    id: str
    task: str = ""
    tenant: str = ""
    priority: Priority = Priority.STANDARD
    deadline: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest(Request):
    prompt: Prompt
    options: GenerateOptions = field(default_factory=GenerateOptions)
    on_text: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsRequest(Request):
    """Classify or encode: one text each. Score: text and pair side by side. `prompt` names one of the model's own,
    which goes before each text."""

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall seconds: submitted -> scheduled, scheduled -> last token, submitted -> first token (text only)."""

    lane_wait_s: float
    inference_s: float
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Exactly one of the payloads is set, by the engine's kind; order follows the request."""

    timings: Timings
    prompt_tokens: int = 0
    completion_tokens: int = 0
    completions: tuple[Completion, ...] = ()
    classifications: tuple[Classification, ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One engine step, for observers and metrics. `tokens` are useful ones, `padding_tokens` the rest of the
    rectangle; `capacity` is what `items` could have been, and `budget_tokens` what the rectangle could have been, each
    0 where nobody here limits it. `least_s` is what the useful tokens need at least on this machine
    (engines/roofline.py), 0 where that is not known; `gap_s` what the engine's thread spent between the step before and
    this one while work was there."""

    model: str
    phase: Literal["prefill", "decode", "encode"]
    items: int
    capacity: int
    tokens: int
    padding_tokens: int
    seconds: float
    running: int
    waiting: int
    least_s: float = 0.0
    gap_s: float = 0.0
    budget_tokens: int = 0

    @property
    def fill(self) -> float | None:
        """How much was used of the limit that is nearer, items or useful tokens, 0 to 1; none where there is none."""
        limits = ((self.items, self.capacity), (self.tokens, self.budget_tokens))
        return max((min(1.0, used / most) for used, most in limits if most), default=None)


@dataclass(frozen=True, slots=True)
class EngineStats:
    """`budget_tokens` is what a batch may have now, 0 where nothing is learned; the rest counts since the start:
    batches that ran out of memory, and times the engine's loop failed and went on. The memory of keys and values, in
    tokens, 0 where an engine has none of its own: written, kept for the rows on the device, all there is."""

    running: int
    waiting: int
    capacity: int
    budget_tokens: int = 0
    shortages: int = 0
    restarts: int = 0
    kv_used: int = 0
    kv_reserved: int = 0
    kv_limit: int = 0


class EngineState(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class EngineHealth:
    state: EngineState
    detail: str = ""
    last_step_age_s: float = 0.0


class Engine(Protocol):
    """One loaded model. Built ready to serve: the constructor loads the model and may take minutes."""

    @property
    def info(self) -> ModelInfo: ...

    def submit(self, request: Request) -> Future[Result]:
        """Validates in the caller's thread: raises InvalidInput (empty, too long, wrong request type) or Overloaded.

        The future always ends: with a Result, or a StorehandError (the one given to `cancel`, Expired for a passed
        deadline, OutOfMemory or EngineError when the model failed on this request).
        """
        ...

    def cancel(self, request_id: str, error: StorehandError) -> None:
        """Takes effect within two steps: the future ends with `error`. Unknown or finished ids are ignored."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def stats(self) -> EngineStats: ...

    def health(self) -> EngineHealth: ...

    def close(self, timeout_s: float = 10.0) -> None:
        """Stops the thread; what is unfinished ends with EngineError (retryable)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """All an engine factory gets. `folder` is where the model's files are (starter, local or hub snapshot), `state_dir`
    where the engine may keep what it learned (nowhere if empty)."""

    role: str
    kind: Kind
    name: str
    folder: str
    binding: ModelBinding
    on_batch: Callable[[BatchReport], None] = lambda report: None
    state_dir: str = ""


EngineFactory = Callable[[EngineSpec], Engine]
EngineFactories = Mapping[str, EngineFactory]
