"""What a plugin author imports: the task, and the models and context its `run` is given.

`run` is straight-line code on a thread of its own. `models.generate(...)` waits; meanwhile the engine behind it
decodes this job's text side by side with every other job's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from storehand.contracts.base import Generation, TaskInput, TaskOutput, Usage
from storehand.job import EventKind, Priority
from storehand.retry import RetryPolicy as RetryPolicy

if TYPE_CHECKING:
    from storehand.settings import Settings  # which imports much that plugin authors' tests need not

Kind = Literal["generate", "classify", "encode", "score"]
"""What a model role can do: write text, label texts, embed texts, rate pairs of texts."""

InputT = TypeVar("InputT", bound=TaskInput[Any])  # TaskInput is invariant: a task names its own output
OutputT = TypeVar("OutputT", bound=TaskOutput)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt; the model's own chat template renders it."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = str | Sequence[Message]
"""Plain text is tokenised as it is; messages go through the model's chat template."""


LogitsProcessor = Callable[[Sequence[int], Any], Any]
"""Changes one text's logits: called with the tokens chosen so far and a tensor [vocabulary] (float, on the model's
device); returns the tensor to use, or None where it changed the given one in place. Called on the engine's thread once
per token of its request: it must be quick. What it raises fails its own request only."""


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How to sample. Names and meanings are vLLM's SamplingParams; temperature 0 is greedy.

    `seed` default: derived from the job, so that a redelivered job repeats its text. With `n` > 1 sample i uses
    seed + i. The engine cuts at the first `stop` string, which is not part of the text.

    `json_schema` (`MyModel.model_json_schema()`): the text is JSON of this schema, and ends with it; cut off at
    `max_new_tokens` it is the beginning of such a text (finish_reason "length"), so bound strings and lists in the
    schema. A schema that can't be served is InvalidInput. `logit_bias` is added to tokens' logits; -100 forbids one.
    `min_new_tokens` holds the end token back; stop strings and a schema's end still count. Options that an engine can't
    follow are InvalidInput, never left out; only the stand-in for tests (`FakeModels`) chooses no tokens, and takes
    those that steer the choice without effect.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    min_p: float = 0.0
    min_new_tokens: int = 0
    json_schema: Mapping[str, Any] | None = field(default=None, hash=False)
    logit_bias: Mapping[int, float] = field(default_factory=dict, hash=False)
    logits_processors: tuple[LogitsProcessor, ...] = ()

    @classmethod
    def of(cls, generation: Generation | None, *, room: int | None = None, **defaults: Any) -> GenerateOptions:
        """The task's own choice (`max_new_tokens=400, temperature=0.7`) with what the job says in its place; stop
        strings of both count. `room` is what the model has left for the answer (`info.max_tokens` less the prompt's
        tokens); no text gets more. A second round: `dataclasses.replace(options, seed=..., n=...)`.
        """
        options = cls(**defaults)
        if generation is not None:
            said = {name: getattr(generation, name) for name in ("max_new_tokens", "temperature", "top_p", "n", "seed")}
            stop = tuple(dict.fromkeys((*options.stop, *generation.stop)))
            options = replace(options, stop=stop, **{name: each for name, each in said.items() if each is not None})
        if room is not None and options.max_new_tokens > room:
            options = replace(options, max_new_tokens=max(1, room))
        if options.min_new_tokens > options.max_new_tokens:
            options = replace(options, min_new_tokens=options.max_new_tokens)
        return options


FinishReason = Literal["stop", "length", "deadline", "cancelled"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One generated text. `finish_reason`: stop (end token or stop string), length, deadline (cut off where the next
    token would have come too late), cancelled."""

    text: str
    finish_reason: FinishReason
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Classification:
    """Label probabilities of one text, in the model's label order; they sum to 1. `truncated`: the text was longer
    than the model reads, and only its beginning was judged."""

    scores: Mapping[str, float]
    truncated: bool = False

    @property
    def label(self) -> str:
        return max(self.scores, key=lambda label: self.scores[label])


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model behind a role. `format` tells how it wants to be asked: the folder's own `storehand.json` says so
    (the bundled text model: "slots"), else "chat" where the tokenizer has a chat template, else "plain"."""

    role: str
    name: str
    revision: str | None
    kind: Kind
    format: str
    max_tokens: int
    labels: tuple[str, ...] = ()
    folder: str = ""
    """Where the model's files are, for tasks that keep data beside them; empty for a model behind an endpoint."""
    extra: Mapping[str, object] = field(default_factory=dict)
    server: tuple[str, int] | None = None
    """Host and port of the endpoint that answers; none where the model computes in this process."""


class Models(Protocol):
    """The models of one job. Every call waits for its answer; errors come from the `EngineError` branch,
    a job that should stop (cancelled, deadline, time limit) leaves the call by `StopJob`, which is no Exception."""

    def generate(
        self,
        role: str,
        prompt: Prompt,
        options: GenerateOptions | None = None,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        """`options.n` texts. `on_text` gets whole characters of the first text as they come."""
        ...

    def classify(self, role: str, texts: Sequence[str]) -> list[Classification]:
        """One classification per text, in order."""
        ...

    def encode(self, role: str, texts: Sequence[str], *, prompt: str = "") -> list[list[float]]:
        """One unit-length vector per text, in order. `prompt` says what the texts are ("query", "passage"): where the
        model's card has words for that, they go in front; other models, and endpoints, take the texts as they are."""
        ...

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One relevance per pair, in order."""
        ...

    def count_tokens(self, role: str, text: str) -> int: ...

    def info(self, role: str) -> ModelInfo: ...

    def has(self, role: str) -> bool:
        """Whether a model is loaded for this role: always for `roles`, where it is bound for `optional_roles`."""
        ...

    @property
    def usage(self) -> ModelUsage:
        """What this job's calls have cost so far."""
        ...


@dataclass(slots=True)
class ModelUsage:
    """Running sum over a job's model calls; seconds are wall time."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    lane_wait_s: float = 0.0
    inference_s: float = 0.0

    def as_usage(self) -> Usage:
        """The same in the words of an answer."""
        return Usage(**asdict(self))


class Context(Protocol):
    """One job, as its task sees it."""

    @property
    def job_id(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def priority(self) -> Priority: ...
    @property
    def attempt(self) -> int:
        """1 for the first try."""
        ...

    @property
    def deadline(self) -> float | None:
        """Epoch seconds."""
        ...

    @property
    def seed(self) -> int:
        """Derived from the job id: the same on every attempt."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether somebody wants this job to stop; model calls notice by themselves."""
        ...

    def check(self) -> None:
        """Leaves by `StopJob` when the job should stop; call it in long loops without model calls."""
        ...

    def emit(self, text: str, *, kind: EventKind = EventKind.DELTA) -> None:
        """Streams a piece of the answer to whoever reads `job.stream()`."""
        ...


class Task(ABC, Generic[InputT, OutputT]):
    """A named kind of work. Subclass it, fill the class variables, write `run`.

    One instance serves all jobs, from many threads: keep no state of a job on `self`.
    """

    name: ClassVar[str]
    """Lower case, `[a-z][a-z0-9_-]*`; the Celery task is `storehand.<name>`."""
    input_type: type[InputT]
    output_type: type[OutputT]
    version: ClassVar[str] = "1"
    roles: ClassVar[Mapping[str, Kind]] = {}
    """Model roles that `run` asks for. Tasks that name the same role share one loaded model."""
    optional_roles: ClassVar[Mapping[str, Kind]] = {}
    """Roles that make the task better: loaded only where the settings bind them. Ask `models.has(role)`."""
    retry: ClassVar[RetryPolicy] = RetryPolicy()
    """When a job that failed comes again; the setting `retries` may say otherwise."""
    starters: ClassVar[Mapping[str, Path]] = {}
    """Folder of the bundled model of a role, for bindings that say `starter`."""
    examples: Sequence[InputT] = ()
    """They warm the models up, document the task and feed the contract kit."""

    def prepare(self, settings: Settings) -> None:
        """Called once by a worker, before any `run` and before the models are loaded: open what `run` reads (files,
        dictionaries). Without a worker (the contract kit, notebooks) it is not called."""
        return

    @abstractmethod
    def run(self, input: InputT, models: Models, context: Context) -> OutputT:
        """The work. Raise a StorehandError for a coded failure; anything else becomes code `plugin`."""
