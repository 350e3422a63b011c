"""The engines without broker and worker: all requests at once, which is the most they can do."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from typing import Any

from storehand.contracts import DescriptionInput, SentimentInput
from storehand.engine import Engine, Request, Result
from storehand.settings import Settings
from storehand.task import Task
from storehand_worker.host import LocalModels, load_engines
from storehand_worker.jobless import JoblessContext
from storehand_worker.loader import load_plugins
from tests.bench.machine import Used, measured


class Recorder:
    """An engine that remembers what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.requests: list[Request] = []

    def submit(self, request: Request) -> Any:
        self.requests.append(request)
        return self.engine.submit(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class Offline:
    """The starter engines in this process, and the requests that the tasks make of them."""

    def __init__(self) -> None:
        settings = Settings()
        self.tasks: dict[str, Task[Any, Any]] = dict(load_plugins(settings).tasks)
        self.engines = load_engines(self.tasks.values(), settings.binding, {})

    def requests(self, inputs: list[DescriptionInput] | list[SentimentInput], role: str) -> list[Request]:
        """Runs the task once per input, one after the other, and keeps its engine requests."""
        recorder = Recorder(self.engines[role])
        models = LocalModels({**self.engines, role: recorder}, JoblessContext())  # type: ignore[dict-item]  # stands in
        for each in inputs:
            self.tasks[each.task_name].run(each, models, JoblessContext())
        return recorder.requests

    def run(self, requests: list[Request], role: str) -> tuple[Used, int]:
        """All at once; returns what it used and the output tokens (text) or texts (classifier)."""
        with measured(os.getpid()) as used:
            results = self.ask(requests, role)
        return used, sum(result.completion_tokens or len(result.classifications) for result in results)

    def ask(self, requests: list[Request], role: str) -> list[Result]:
        """The bare engine call."""
        engine = self.engines[role]
        futures = [engine.submit(replace(each, id=uuid.uuid4().hex)) for each in requests]
        return [future.result(timeout=600) for future in futures]

    def close(self) -> None:
        for engine in {id(each): each for each in self.engines.values()}.values():
            engine.close()
