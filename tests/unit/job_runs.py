"""A job runner on a real store, without Celery: tasks are functions, models are none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from storehand.contracts.base import TaskInput, TaskOutput
from storehand.job import Job, NewJob, Outcome
from storehand.settings import Settings
from storehand.store.sqlite import SqliteStore
from storehand.task import Context, Models, Task
from storehand_worker.context import JobContext
from storehand_worker.delivery import Delivery
from storehand_worker.gate import SuspectGate
from storehand_worker.job_trace import Tracer
from storehand_worker.runner import JobRunner
from storehand_worker.stream import EventPump
from storehand_worker.turnstile import Turnstile
from storehand_worker.watcher import Watcher


class WordOutput(TaskOutput):
    word: str


class WordInput(TaskInput[WordOutput], task="word"):
    word: str = "word"


Body = Callable[[WordInput, Context], Any]


class WordTask(Task[WordInput, WordOutput]):
    name = "word"
    input_type = WordInput
    output_type = WordOutput

    def __init__(self, body: Body) -> None:
        self._body = body

    def run(self, input: WordInput, models: Models, context: Context) -> WordOutput:
        answer: WordOutput = self._body(input, context)
        return answer


def echo(given: WordInput, context: Context) -> WordOutput:
    return WordOutput(word=given.word)


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

    def on_job_done(self, job: Job, outcome: Outcome) -> None:
        self.done.append((job.id, outcome.code))


class Bench:
    """Runner, watcher and store of one worker called `owner`; a context manager."""

    def __init__(
        self,
        folder: Path,
        body: Body = echo,
        *,
        owner: str = "me",
        turnstile: Turnstile | None = None,
        clock: Callable[[], float] = time.time,
        tracer: Tracer | None = None,
        models: Callable[[JobContext, Task[Any, Any]], Any] = lambda context, task: None,
        **settings: Any,
    ) -> None:
        self.settings = Settings(data_dir=folder, synchronous="NORMAL", **settings)
        self.store = SqliteStore(folder / "jobs.db", synchronous="NORMAL", clock=clock)
        self.seen = Seen()
        self.counts: list[str] = []
        self.pump = EventPump(self.store)
        self.stuck: list[int] = []
        self.watcher = Watcher(
            self.store, self.settings, self.seen, owner=owner, on_stuck=self.stuck.append, count=self._count
        )
        self.gate = SuspectGate()
        self.runner = JobRunner(
            self.store,
            {"word": WordTask(body)},
            models,  # most tasks here ask none
            self.seen,
            self.settings,
            owner=owner,
            watcher=self.watcher,
            pump=self.pump,
            gate=self.gate,
            turnstile=turnstile,
            count=self._count,
            tracer=tracer,
        )

    def __enter__(self) -> Bench:
        self.pump.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pump.stop()
        self.watcher.stop()
        self.store.close()

    def job(self, word: str = "word", **fields: Any) -> str:
        fields = {"task": "word", "input": {"word": word}, **fields}
        return self.store.create([NewJob(**fields)])[0].id

    def row(self, job_id: str) -> Job:
        return self.store.get([job_id])[job_id]

    def answer(self, job_id: str, delivery: Delivery | None = None) -> Outcome:
        return self.runner.answer(job_id, delivery or Delivery())

    def in_thread(self, call: Callable[[], Any]) -> InThread:
        return InThread(call)

    def _count(self, what: str, by: int = 1) -> None:
        self.counts += [what] * by


class InThread:
    """A call on a thread of its own; `result` waits and raises what it raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def result(self, timeout_s: float = 10.0) -> Any:
        self._thread.join(timeout_s)
        assert self.is_over, f"still running after {timeout_s:g} s"
        if self._error is not None:
            raise self._error
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error
