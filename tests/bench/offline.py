"""The engines without broker and worker: all requests at once, which is the most they can do."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from storehand.contracts.base import TaskInput
from storehand.engine import BatchReport, Engine, Request, Result
from storehand.settings import Settings
from storehand.task import Task
from storehand_worker.host import LocalModels, load_engines
from storehand_worker.jobless import JoblessContext
from tests.bench.machine import measured
from tests.bench.rounds import Run


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
    """The engines of some tasks in this process, and the requests that the tasks make of them."""

    def __init__(self, tasks: Iterable[Task[Any, Any]], settings: Settings) -> None:
        self.tasks: Mapping[str, Task[Any, Any]] = {task.name: task for task in tasks}
        self.reports: list[BatchReport] = []
        self.engines = load_engines(self.tasks.values(), settings.binding, {}, on_batch=self.reports.append)

    def requests(self, inputs: Sequence[TaskInput[Any]], role: str) -> list[Request]:
        """Runs the task once per input, one after the other, and keeps its engine requests."""
        recorder = Recorder(self.engines[role])
        models = LocalModels({**self.engines, role: recorder}, JoblessContext())  # type: ignore[dict-item]  # stands in
        for each in inputs:
            self.tasks[each.task_name].run(each, models, JoblessContext())
        return recorder.requests

    def run(self, requests: Sequence[Request], role: str) -> Run:
        """All at once; counts the output tokens (text) or texts (classifier). `reports` are of the last run."""
        self.reports.clear()
        with measured() as used:
            results = self.ask(requests, role)
        return Run.of(used, sum(result.completion_tokens or len(result.classifications) for result in results))

    def ask(self, requests: Sequence[Request], role: str) -> list[Result]:
        """The bare engine call."""
        engine = self.engines[role]
        futures = [engine.submit(replace(each, id=uuid.uuid4().hex)) for each in requests]
        return [future.result(timeout=900) for future in futures]

    def close(self) -> None:
        for engine in {id(each): each for each in self.engines.values()}.values():
            engine.close()
