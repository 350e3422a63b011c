"""What a job costs beside its model and its task: the processor time of the queue path, per job.

    python -m tests.bench.queue_path [--rounds 3] [--only NAME] [--full] [--json]

Three ways to do the same work, in turn: the bare engine calls, all at once; the tasks in this process, on as many
threads as a worker has; jobs through client, store, broker and a real worker. The first is the engine, the second less
the first is the task's own code (contracts, checks, wording), the third less the second is the queue path.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from storehand.contracts.base import TaskInput
from storehand.engine import Request
from storehand.job import Job, NewJob
from storehand.settings import Settings
from storehand.store.rows import created
from storehand_worker.context import JobContext
from storehand_worker.loader import load_plugins
from storehand_worker.models import JobModels
from storehand_worker.turnstile import Turnstile
from storehand_worker.work import run_task
from tests.bench import engine_encoder, plugin
from tests.bench.inside import FILE, NAMES_ONLY, environment, install, thread_cpu_s
from tests.bench.machine import describe, measured, median
from tests.bench.offline import Offline
from tests.bench.plugin import LABELS_ROLE, TEXT_ROLE, BenchLabelsInput, BenchTextInput
from tests.bench.random_text import MAX_TOKENS, MIDDLE, SMALL, make_model, make_work
from tests.bench.work import descriptions, reviews, sentiment_jobs
from tests.bench.worker import Worker, storehand_worker

tell = Console(stderr=True, highlight=False).print


@dataclass(frozen=True)
class Load:
    """Jobs of one kind, and the role their task asks."""

    name: str
    role: str
    inputs: Sequence[TaskInput[Any]]


@dataclass(frozen=True)
class Cost:
    """Processor milliseconds per job, medians over the rounds; `threads` is where the worker spent them."""

    name: str
    jobs: int
    engine_ms: float
    task_ms: float
    worker_ms: float
    queue_ms: float
    of_offline: float
    threads: Mapping[str, float]


def loads(*, is_full: bool) -> list[Load]:
    work = make_work(128)
    texts = [" ".join(text.split()[:12]) for text in engine_encoder.make_texts(3840)]
    bodies = reviews(1200)

    def labels(per_job: int) -> Load:
        pieces = [tuple(texts[start : start + per_job]) for start in range(0, len(texts), per_job)]
        few = pieces[: 1200 if per_job == 1 else None]
        return Load(f"{per_job} short texts a job", LABELS_ROLE, [BenchLabelsInput(texts=each) for each in few])

    def sentiment(per_job: int) -> Load:
        return Load(f"sentiment, {per_job} reviews a job", "sentiment", sentiment_jobs(bodies, per_job=per_job))

    size = MIDDLE if is_full else SMALL
    texts_out = [BenchTextInput(prompt=each.text, max_new_tokens=each.tokens) for each in work]
    return [
        Load(f"text, random model of {size.name}", TEXT_ROLE, texts_out),
        Load("description, starter", "text", descriptions(192)),
        *map(sentiment, (1, 10, 32)),
        *map(labels, (1, 10, 32, 128)),
    ]


def costs(*, rounds: int = 3, only: str = "", is_full: bool = False) -> list[Cost]:
    """One row per load whose name contains `only`."""
    with _shop(is_full) as (offline, worker):
        return [measure(load, offline, worker, rounds=rounds) for load in loads(is_full=is_full) if only in load.name]


def measure(load: Load, offline: Offline, worker: Worker, *, rounds: int) -> Cost:
    requests = offline.requests(load.inputs, load.role)
    through(worker, load.inputs[: len(load.inputs) // 8 + 1])
    found: dict[str, list[float]] = {"engine": [], "task": [], "worker": []}
    threads = Counter[str]()
    for number in range(rounds):
        before = thread_cpu_s(worker.pid)
        found["worker"].append(_cpu(lambda: through(worker, load.inputs), worker.pid))
        after = thread_cpu_s(worker.pid)
        found["engine"].append(_cpu(lambda: offline.ask(requests, load.role)))
        found["task"].append(_cpu(lambda: run_tasks(offline, load.inputs)))
        threads.update({name: used - before[name] for name, used in after.items()})
        tell(
            f"{load.name}, round {number + 1}: " + ", ".join(f"{name} {each[-1]:.2f} s" for name, each in found.items())
        )
    return _cost(load, requests, found, {name: used / rounds for name, used in threads.items()})


def _cost(load: Load, requests: Sequence[Request], found: dict[str, list[float]], threads: Mapping[str, float]) -> Cost:
    jobs = len(load.inputs)
    pairs = list(zip(found["task"], found["worker"], strict=True))

    def per_job(seconds: float) -> float:
        return round(seconds / jobs * 1e3, 3)

    return Cost(
        name=load.name,
        jobs=jobs,
        engine_ms=per_job(median(found["engine"])),
        task_ms=per_job(median([task - engine for task, engine in zip(found["task"], found["engine"], strict=True)])),
        worker_ms=per_job(median(found["worker"])),
        queue_ms=per_job(median([worker - task for task, worker in pairs])),
        of_offline=round(median([task / worker for task, worker in pairs]), 3),
        threads={name: per_job(used) for name, used in threads.items() if used / jobs > 5e-5},
    )


def through(worker: Worker, inputs: Sequence[TaskInput[Any]]) -> None:
    """Everything submitted at once, then every result awaited."""
    for handle in worker.client.submit_many(inputs):
        handle.result(timeout=900)


def run_tasks(offline: Offline, inputs: Sequence[TaskInput[Any]]) -> None:
    """The same jobs in this process: no store, no broker, no Celery; the same threads and turnstile as in a worker."""
    settings = Settings()
    turnstile = Turnstile(settings.job_places)
    turnstile.start()

    def run(each: TaskInput[Any]) -> None:
        job = _job(each)
        place = turnstile.place(is_urgent=False)
        context = JobContext(job, emit=lambda event: None, place=place)
        with place.inside(context.attach):
            outcome = run_task(
                offline.tasks[job.task],
                job,
                context,
                lambda context, task: JobModels(offline.engines, context, task=task.name, wait_for=context.wait_for),
            )
        outcome.unwrap()

    with ThreadPoolExecutor(settings.item_threads) as pool:
        list(pool.map(run, inputs))
    turnstile.stop()


def _job(each: TaskInput[Any]) -> Job:
    return created(NewJob(task=each.task_name, input=each.to_json_dict()), time.time())


def _cpu(work: Callable[[], object], pid: int | None = None) -> float:
    with measured(pid) as used:
        work()
    return used.cpu_s


@contextmanager
def _shop(is_full: bool) -> Iterator[tuple[Offline, Worker]]:
    size = MIDDLE if is_full else SMALL
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storehand-bench-")))
        models: dict[str, Any] = {
            TEXT_ROLE: {
                "model": str(make_model(folder / "text", layers=size.layers, hidden=size.hidden)),
                "max_tokens": MAX_TOKENS,
            },
            LABELS_ROLE: {"model": str(engine_encoder.make_model(folder / "labels"))},
        }
        settings = Settings(models=models)
        known = load_plugins(settings).tasks
        offline = Offline([*plugin.register_tasks(), known["description"], known["sentiment"]], settings)
        stack.callback(offline.close)
        stack.enter_context(environment({**install(folder), FILE: NAMES_ONLY}))
        plugins = "bench,inside,description,sentiment"
        yield offline, stack.enter_context(storehand_worker(plugins=plugins, models=json.dumps(models)))


def page(found: Sequence[Cost]) -> str:
    rows = [
        "### Queue path, processor time per job\n",
        "engine: the bare calls, all at once. task: its own code, run in one process on as many threads. queue path: "
        "client's messages, Celery, store, threads. of offline: engine and task over the whole worker.\n",
        "| jobs | engine | task | queue path | worker | of offline | spent on threads |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in found:
        threads = sorted(each.threads.items(), key=lambda pair: -pair[1])
        where = ", ".join(f"{name} {spent:.2f}" for name, spent in threads)
        cells = [f"{ms:.2f} ms" for ms in (each.engine_ms, each.task_ms, each.queue_ms, each.worker_ms)]
        rows.append(f"| {each.jobs} x {each.name} | {' | '.join(cells)} | {each.of_offline:.2f} | {where} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="loads whose name contains this")
    parser.add_argument("--full", action="store_true", help="a text model of 30M parameters instead of 5M")
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options = parser.parse_args()
    found = costs(rounds=options.rounds, only=options.only, is_full=options.full)
    if options.json:
        sys.stdout.write(json.dumps([asdict(each) for each in found]) + "\n")
    else:
        sys.stdout.write(f"## {time.strftime('%Y-%m-%d')}, {describe()}\n\n{page(found)}\n")


if __name__ == "__main__":
    main()
