"""Every engine in the same shape, so that one suite can ask all of them for the same manners."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from storehand.engine import BatchReport, Engine, EngineSpec, GenerateRequest, Request, Result, TextsRequest
from storehand.errors import Expired
from storehand.task import GenerateOptions, Kind
from storehand_worker.engines import builtin_engines
from tests.openai_server import MODEL, OpenAIServer
from tests.tiny_models import save_encoder, save_text_model, spec_of
from tests.waiting import until

POISON = "w7"
"""A word on which the engines of `with_poison` fail."""


class Gate:
    """Holds an engine between two steps: its `on_batch` waits while the gate is closed."""

    def __init__(self) -> None:
        self.reports: list[BatchReport] = []
        self._may_go = threading.Semaphore(0)
        self._is_open = threading.Event()
        self._is_open.set()

    def __call__(self, report: BatchReport) -> None:
        self.reports.append(report)
        while not self._is_open.is_set() and not self._may_go.acquire(timeout=0.005):
            pass

    def close(self) -> None:
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    def let_through(self, steps: int) -> None:
        self._may_go.release(steps)


def begun_in_time(
    has_begun: Callable[[], object], submit: Callable[[float], Future[Result]]
) -> tuple[Future[Result], float]:
    """The first request, of those `submit` sends with the deadline it is given, that is at work before it, and that
    deadline: one that a slow machine could not begin is followed by one with more time."""
    for left_s in (0.2, 1.0, 8.0):
        deadline = time.monotonic() + left_s
        with suppress(Expired):  # before it was even taken
            future = submit(deadline)
            until(lambda: has_begun() or future.done())  # noqa: B023  # it waits inside the loop
            if has_begun():
                return future, deadline
    raise AssertionError("no request came to work before its deadline")


@dataclass(frozen=True)
class Kit:
    """One engine and kind. `folder` holds its model (none for the fake). `cannot`: what it can't do by its nature, and
    why; the suite says so instead of asking."""

    name: str
    engine: str
    kind: Kind
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    cannot: Mapping[str, str] = field(default_factory=dict)

    def needs(self, what: str) -> None:
        """Ends the test, with the reason, where the kit declares that its engine can't."""
        if what in self.cannot:
            pytest.skip(f"{self.name}: {self.cannot[what]}")

    def spec(self, *, gate: Callable[[BatchReport], None] | None = None, **binding: Any) -> EngineSpec:
        asked = binding.pop("options", {}) if self.engine == "fake" else {}
        binding.pop("options", None)
        options = {**self.options, **asked}
        spec = spec_of(self.folder, kind=self.kind, options=options, **binding)
        return spec if gate is None else replace(spec, on_batch=gate)

    @contextmanager
    def running(self, *, gate: Callable[[BatchReport], None] | None = None, **binding: Any) -> Iterator[Engine]:
        engine = builtin_engines()[self.engine](self.spec(gate=gate, **binding))
        try:
            yield engine
        finally:
            if isinstance(gate, Gate):
                gate.open()
            engine.close(5.0)

    def request(self, name: str, *texts: str, **fields: Any) -> Request:
        """A small request: one prompt, or its texts."""
        texts = texts or (f"w{len(name)} w5 {name}",)
        if self.kind == "generate":
            options = fields.pop("options", GenerateOptions(max_new_tokens=6))
            return GenerateRequest(id=name, prompt=" ".join(texts), options=options, **fields)
        pairs = tuple(f"w3 {text}" for text in texts) if self.kind == "score" else None
        return TextsRequest(id=name, texts=texts, pairs=pairs, **fields)

    def long_request(self, name: str, **fields: Any) -> Request:
        """One that takes many steps, in an engine built with `narrow`."""
        if self.kind == "generate":
            return self.request(name, "w1 w2 w3", options=GenerateOptions(max_new_tokens=200), **fields)
        return self.request(name, *(f"w{number} bag" for number in range(100)), **fields)

    @property
    def narrow(self) -> dict[str, Any]:
        """One place: requests go one after the other, texts one per step."""
        return {"slots": 1, "batch_tokens": 16, "options": {"words": 200, "step_s": 0.0005}}

    @property
    def with_poison(self) -> dict[str, Any]:
        return {"model": f"fails-on-{POISON}"} if self.engine == "openai" else {"options": {"fail_on": POISON}}

    def answer(self, result: Result) -> Sequence[Any]:
        """What the result says, without its times."""
        match self.kind:
            case "generate":
                return result.completions
            case "classify":
                return result.classifications
            case "encode":
                return result.vectors
            case "score":
                return result.scores

    def numbers(self, result: Result) -> list[float] | None:
        """The answer as numbers, where equality is a matter of rounding; none where it is exact."""
        match self.kind:
            case "generate":
                return None
            case "classify":
                return [score for each in result.classifications for score in each.scores.values()]
            case "encode":
                return [number for vector in result.vectors for number in vector]
            case "score":
                return list(result.scores)


OPENAI_CANNOT = {
    "memory": "the memory of a server is its own matter: it answers 500",
    "schemas": "a server's own matter: the one of these tests writes words",
}
VLLM_CANNOT = {
    "isolation": "an exception in vLLM's forward ends its core with all requests; the worker leaves and starts anew",
    "memory": "vLLM takes its memory at the start, and a request out of it waits inside",
    "schemas": "vLLM's own matter; the stand-in writes words, the test of the real one is marked gpu",
}


WRITER_NAMES = ("text", "static", "transformers", "vllm", "openai-generate", "fake-generate")


def make_writers(folder: Path, server: OpenAIServer) -> dict[str, Kit]:
    """Those of kind `generate`."""
    text = save_text_model(folder / "text")
    remote = {"base_url": server.url, "max_retries": 0}
    kits = [
        Kit("text", "text", "generate", text),
        Kit("static", "static", "generate", text),
        Kit("transformers", "transformers", "generate", text),
        Kit("vllm", "vllm", "generate", text, cannot=VLLM_CANNOT),
        Kit("openai-generate", "openai", "generate", Path(MODEL), remote, OPENAI_CANNOT),
        Kit("fake-generate", "fake", "generate", folder),
    ]
    return {kit.name: kit for kit in kits}


def make_kits(folder: Path, server: OpenAIServer) -> dict[str, Kit]:
    encoders = {
        kind: save_encoder(folder / kind, kind=kind, labels=1 if kind == "score" else 3)
        for kind in ("classify", "encode", "score")
    }
    remote = {"base_url": server.url, "max_retries": 0}
    kits = [
        *(Kit(f"encoder-{kind}", "encoder", kind, path) for kind, path in encoders.items()),
        Kit("openai-encode", "openai", "encode", Path(MODEL), remote, OPENAI_CANNOT),
        Kit("fake-classify", "fake", "classify", folder),
        Kit("fake-encode", "fake", "encode", folder),
    ]
    return make_writers(folder, server) | {kit.name: kit for kit in kits}


KIT_NAMES = (
    *WRITER_NAMES,
    "encoder-classify",
    "encoder-encode",
    "encoder-score",
    "openai-encode",
    "fake-classify",
    "fake-encode",
)


@contextmanager
def failing_model(poison_ids: Sequence[int], error: Exception) -> Iterator[list[int]]:
    """While open, any embedding of real models that meets the ids side by side raises; yields how often."""
    hits: list[int] = []
    pattern = torch.tensor(list(poison_ids))

    def hook(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding) and args and args[0].shape[-1] >= len(pattern):
            windows = args[0].unfold(-1, len(pattern), 1)
            if (windows == pattern).all(-1).any():
                hits.append(1)
                raise error

    handle = torch.nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield hits
    finally:
        handle.remove()
