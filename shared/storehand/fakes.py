"""Stand-ins for tests: models that answer by arithmetic, and a job that nobody stores."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from storehand.errors import Cancelled, JobStopped, ModelNotAvailable, StopJob
from storehand.job import EventKind, Priority
from storehand.smallest_json import smallest_json
from storehand.task import Classification, Completion, GenerateOptions, Kind, ModelInfo, ModelUsage, Prompt

LABELS = ("negative", "neutral", "positive")
DIMENSIONS = 16
Reply = Callable[[str, int], str]


class FakeContext:
    """A job for `task.run`. `stop_at_check=2` stops it at the second look; `texts` is what was emitted."""

    def __init__(
        self,
        *,
        job_id: str = "fake-job",
        tenant: str = "default",
        priority: Priority = Priority.STANDARD,
        attempt: int = 1,
        deadline: float | None = None,
        seed: int = 7,
        stop_at_check: int | None = None,
    ) -> None:
        self.job_id = job_id
        self.tenant = tenant
        self.priority = priority
        self.attempt = attempt
        self.deadline = deadline
        self.seed = seed
        self.checks = 0
        self.events: list[tuple[EventKind, str]] = []
        self._stop_at_check = stop_at_check
        self._stop_error: JobStopped | None = None
        self._callbacks: list[Callable[[JobStopped], None]] = []
        self._lock = threading.Lock()

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.events]

    @property
    def stop_error(self) -> JobStopped | None:
        return self._stop_error

    @property
    def is_attached(self) -> bool:
        """Whether a model call is waiting that would hear of a stop."""
        return bool(self._callbacks)

    @property
    def cancelled(self) -> bool:
        self._look()
        return self._stop_error is not None

    def check(self) -> None:
        self._look()
        if self._stop_error is not None:
            raise StopJob(self._stop_error)

    def emit(self, text: str, *, kind: EventKind = EventKind.DELTA) -> None:
        self.events.append((kind, text))

    def stop(self, error: JobStopped | None = None) -> None:
        """From any thread: the job is to stop, by default because it was cancelled."""
        with self._lock:
            if self._stop_error is not None:
                return
            self._stop_error = error or Cancelled()
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback(self._stop_error)

    def attach(self, callback: Callable[[JobStopped], None]) -> Callable[[], None]:
        """Calls back once on a stop, at once if there was one; returns the way to detach."""
        with self._lock:
            error = self._stop_error
            self._callbacks.append(callback)
        if error is not None:
            callback(error)

        def detach() -> None:
            with self._lock:
                self._callbacks.remove(callback)

        return detach

    def _look(self) -> None:
        self.checks += 1
        if self.checks == self._stop_at_check:
            self.stop()


class FakeModels:
    """`Models` that need no model: the same question gets the same answer, another question another one.

    `reply(prompt, seed)` writes the texts instead; `labels` are a role's classes; `roles` tells what each role can.
    Of the options it follows `max_new_tokens`, `n`, `seed`, `stop` and `json_schema`. It chooses no tokens, so those
    that steer the choice are taken and have no effect: tests of what they do run on real models.
    """

    def __init__(
        self,
        roles: Mapping[str, Kind],
        context: FakeContext | None = None,
        *,
        labels: Mapping[str, Sequence[str]] | None = None,
        reply: Reply | None = None,
    ) -> None:
        self._roles = dict(roles)
        self._context = context or FakeContext()
        self._labels = {role: tuple(each) for role, each in (labels or {}).items()}
        self._reply = reply or _babble
        self._usage = ModelUsage()
        self._lock = threading.Lock()

    def bind(self, context: FakeContext) -> FakeModels:
        """The same models for another job."""
        return FakeModels(self._roles, context, labels=self._labels, reply=self._reply)

    @property
    def usage(self) -> ModelUsage:
        return replace(self._usage)

    def generate(
        self,
        role: str,
        prompt: Prompt,
        options: GenerateOptions | None = None,
        *,
        on_text: Callable[[str], None] | None = None,
    ) -> list[Completion]:
        self._enter(role, "generate")
        chosen = options or GenerateOptions()
        seed = self._context.seed if chosen.seed is None else chosen.seed
        plain = prompt if isinstance(prompt, str) else "\n".join(message.content for message in prompt)
        completions = [self._completion(plain, seed + number, chosen) for number in range(chosen.n)]
        if on_text is not None:
            for number, word in enumerate(completions[0].text.split(" ")):
                on_text(f" {word}" if number else word)
        self._spend(len(plain.split()), sum(each.completion_tokens for each in completions))
        return completions

    def classify(self, role: str, texts: Sequence[str]) -> list[Classification]:
        self._enter(role, "classify", texts)
        self._spend(sum(self.count_tokens(role, text) for text in texts))
        return [Classification(_shares(text, self._labels.get(role, LABELS))) for text in texts]

    def encode(self, role: str, texts: Sequence[str], *, prompt: str = "") -> list[list[float]]:
        self._enter(role, "encode", texts)
        self._spend(sum(self.count_tokens(role, text) for text in texts))
        return [_vector(text) for text in texts]

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self._enter(role, "score")
        self._spend(sum(self.count_tokens(role, f"{left} {right}") for left, right in pairs))
        return [_dot(_vector(left), _vector(right)) for left, right in pairs]

    def count_tokens(self, role: str, text: str) -> int:
        return len(text.split())

    def info(self, role: str) -> ModelInfo:
        kind = self._kind(role)
        labels = self._labels.get(role, LABELS) if kind == "classify" else ()
        return ModelInfo(role, f"fake/{role}", None, kind, "plain", 4096, labels)

    def has(self, role: str) -> bool:
        return role in self._roles

    def _enter(self, role: str, kind: Kind, texts: Sequence[str] = ()) -> None:
        self._context.check()
        if isinstance(texts, str):
            raise TypeError("a list of texts is wanted; this is one text")
        if self._kind(role) != kind:
            raise ModelNotAvailable(f"the role {role!r} can {self._kind(role)}, not {kind}")

    def _kind(self, role: str) -> Kind:
        if role not in self._roles:
            raise ModelNotAvailable(f"the task does not name the role {role!r} in `roles`")
        return self._roles[role]

    def _spend(self, prompt_tokens: int, completion_tokens: int = 0) -> None:
        with self._lock:
            self._usage.prompt_tokens += prompt_tokens
            self._usage.completion_tokens += completion_tokens

    def _completion(self, prompt: str, seed: int, options: GenerateOptions) -> Completion:
        if options.json_schema is not None:
            return Completion(smallest_json(options.json_schema), "stop", 1)
        words = self._reply(prompt, seed).split(" ")
        text = " ".join(words[: options.max_new_tokens])
        cuts = [text.index(stop) for stop in options.stop if stop in text]
        text = text[: min(cuts)] if cuts else text
        is_cut = not cuts and len(words) > options.max_new_tokens
        return Completion(text, "length" if is_cut else "stop", min(len(words), options.max_new_tokens))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _babble(prompt: str, seed: int) -> str:
    """Words of the prompt in an order that the seed decides."""
    words = sorted(set(prompt.split()), key=lambda word: _digest(f"{seed} {word}"))
    return " ".join(words[:12]) or "nothing"


def _shares(text: str, labels: Sequence[str]) -> dict[str, float]:
    weights = [byte + 1 for byte in _digest(text)[: len(labels)]]
    return {label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)}


def _vector(text: str) -> list[float]:
    """Unit length; texts that share words lie near each other."""
    sums = [0.0] * DIMENSIONS
    for word in text.lower().split() or [""]:
        for place, byte in enumerate(_digest(word)[:DIMENSIONS]):
            sums[place] += byte - 127.5
    length = math.sqrt(_dot(sums, sums))
    return [each / length for each in sums]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(one * other for one, other in zip(left, right, strict=True))
