"""The bundled tasks with the bundled models: jobs through the queue, and what one waits when nothing else runs."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

from storehand.settings import Settings
from tests.bench.machine import median
from tests.bench.offline import Offline
from tests.bench.plugin import LABELS_ROLE, TEXT_ROLE, BenchLabelsInput
from tests.bench.prefork import PROCESSES, Prefork, prefork_worker
from tests.bench.queued import OFFLINE, offline_of, text_job, through
from tests.bench.rounds import Run, interleaved, table
from tests.bench.work import descriptions, reviews, sentiment_jobs
from tests.bench.worker import Worker, storehand_worker


@dataclass(frozen=True)
class Plan:
    jobs: int
    texts: int
    calls: int
    rounds: int


QUICK = Plan(jobs=12, texts=60, calls=10, rounds=1)
SHORT = Plan(jobs=192, texts=1200, calls=200, rounds=2)
FULL = Plan(jobs=192, texts=2400, calls=400, rounds=5)


def sections(plan: Plan, *, queue: bool = True, idle: bool = True, rounds: int | None = None) -> list[str]:
    pages: list[str] = []
    with ExitStack() as stack:
        starter = stack.enter_context(as_file(files("storehand_plugins.starter")))
        models: dict[str, Any] = {
            TEXT_ROLE: {"model": str(starter / "text")},
            LABELS_ROLE: {"model": str(starter / "sentiment")},
        }
        offline = offline_of(["description", "sentiment"], Settings())
        stack.callback(offline.close)
        worker = stack.enter_context(storehand_worker(plugins="bench,description,sentiment", models=json.dumps(models)))
        if queue:
            prefork = stack.enter_context(prefork_worker(text=str(starter / "text"), labels=str(starter / "sentiment")))
            pages.append(_text(offline, worker, prefork, jobs=plan.jobs, rounds=rounds or plan.rounds))
            pages.append(_sentiment(offline, worker, prefork, texts=plan.texts, rounds=rounds or plan.rounds))
        if idle:
            pages.append(_idle(offline, worker, calls=plan.calls))
    return pages


def _text(offline: Offline, worker: Worker, prefork: Prefork, *, jobs: int, rounds: int) -> str:
    inputs = descriptions(jobs)
    requests = offline.requests(inputs, "text")
    plain = [text_job(request) for request in requests]
    few = requests[: max(8, len(requests) // 8)]  # one message after the other: slow, and linear
    through(worker, inputs[:8], lambda output: 0)
    through(worker, plain[:8], lambda output: 0)
    prefork.warm("generate")
    runs = interleaved(
        "descriptions",
        {
            OFFLINE: lambda _: offline.run(requests, "text"),
            "storehand, the model call alone": lambda _: through(worker, plain, lambda output: output.tokens),
            "storehand, the description task": lambda _: through(
                worker, inputs, lambda output: output.usage.completion_tokens
            ),
            f"plain Celery, {PROCESSES} processes": lambda _: prefork.generate(few),  # type: ignore[arg-type]  # texts
        },
        rounds=rounds,
    )
    note = (
        "The description task plans, checks and repairs every text beside the model call. Plain Celery calls "
        "`generate` per message with the same prompts and options."
    )
    return table(
        f"Descriptions through Celery, starter model, {jobs} jobs", "tokens", runs, baseline=OFFLINE, note=note
    )


def _sentiment(offline: Offline, worker: Worker, prefork: Prefork, *, texts: int, rounds: int) -> str:
    bodies = reviews(texts)
    requests = offline.requests(sentiment_jobs(bodies, per_job=1), "sentiment")

    def jobs(per_job: int) -> Run:
        return through(worker, sentiment_jobs(bodies, per_job=per_job), lambda output: len(output.reviews))

    def plain(per_job: int) -> Run:
        pieces = [tuple(bodies[start : start + per_job]) for start in range(0, len(bodies), per_job)]
        return through(worker, [BenchLabelsInput(texts=piece) for piece in pieces], lambda output: len(output.labels))

    jobs(10)
    prefork.warm("classify")
    runs = interleaved(
        "sentiment",
        {
            OFFLINE: lambda _: offline.run(requests, "sentiment"),
            "storehand, the model call alone, 32 texts a job": lambda _: plain(32),
            "storehand, 1 review a job": lambda _: jobs(1),
            "storehand, 10 reviews a job": lambda _: jobs(10),
            "storehand, 32 reviews a job": lambda _: jobs(32),
            f"plain Celery, {PROCESSES} processes": lambda _: prefork.classify(bodies[: texts // 4]),
        },
        rounds=rounds,
    )
    return table(f"Sentiment through Celery, starter model, {texts} reviews", "reviews", runs, baseline=OFFLINE)


def _idle(offline: Offline, worker: Worker, *, calls: int) -> str:
    """One review at a time, bare engine call and whole job in turn."""
    jobs = sentiment_jobs(reviews(calls), per_job=1)
    requests = offline.requests(jobs, "sentiment")
    seconds: dict[str, list[float]] = defaultdict(list)
    for job, request in zip(jobs, requests, strict=True):
        start = time.perf_counter()
        offline.ask([request], "sentiment")
        seconds["bare call"].append(time.perf_counter() - start)
        start = time.perf_counter()
        worker.client.submit(job, priority="interactive").result(timeout=60)
        seconds["submit to result"].append(time.perf_counter() - start)
    return _latencies(seconds)


def _latencies(seconds: dict[str, list[float]]) -> str:
    rows = ["### Idle latency, one review at a time\n", "| | p50 | p95 |", "|---|---|---|"]
    for name, each in seconds.items():
        ordered = sorted(each)
        rows.append(f"| {name} | {median(ordered) * 1e3:.1f} ms | {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms |")
    added = median([b - a for a, b in zip(seconds["bare call"], seconds["submit to result"], strict=True)])
    rows.append(f"| **added by client, store, broker and worker** | **{added * 1e3:.1f} ms** | |")
    return "\n".join(rows) + "\n"
