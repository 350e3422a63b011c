"""How long a customer in the chat waits while thousands of bulk descriptions wait too, against an idle worker.

    python -m tests.bench.chat_behind_bulk [--bulk 5000] [--chats 120] [--rate N] [--plot FILE.svg] [--quick]

One real worker on the embedded queue, starter models. First an idle baseline, then the same questions as a Poisson
stream while the bulk jobs wait. Chats on the starter answer by retrieval and ask no model; interactive descriptions
stand beside them, which do: from their claim to their first work on the device is told in engine steps.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from storehand.contracts import Article, ChatInput, ChatMessage, TaskInput
from storehand.job import Job, Priority
from storehand.knowledge import KnowledgeStore
from tests.bench.inside import Started, environment, install, started
from tests.bench.machine import describe
from tests.bench.plot import scatter
from tests.bench.work import descriptions
from tests.bench.worker import Worker, storehand_worker

BASE = "help"
LOAD = 0.5
"""Interactive jobs per idle answer time of a description: waiting customers shall meet bulk, not a crowd of customers
that the machine could not serve without bulk either."""
tell = Console(stderr=True, highlight=False).print


@dataclass(frozen=True)
class Wait:
    """One interactive job. Seconds: submitted to answer in the client's hand, to claimed, to first scheduled; claimed
    to first scheduled, to stored. What a job without a model call has not is none."""

    job: str
    submitted_at: float
    answer_s: float
    claim_s: float
    run_s: float
    code: str
    scheduled_s: float | None = None
    start_s: float | None = None

    def joined(self, told: Mapping[str, Started]) -> Wait:
        """With what the worker itself told about it."""
        start = told.get(self.job)
        if start is None:
            return self
        return replace(self, scheduled_s=start.scheduled_at - self.submitted_at, start_s=start.wait_s)


def questions(n: int) -> list[ChatInput]:
    """First questions about the bundled knowledge, in both languages, over and over."""
    asked = [question for article in articles() for question in (article.title, *article.questions) if question]
    return [
        ChatInput(
            conversation_id=f"c{number}",
            messages=(ChatMessage(role="customer", content=question),),
            knowledge_base=BASE,
        )
        for number, question in enumerate(islice(cycle(asked), n))
    ]


def articles() -> list[Article]:
    folder = files("storehand_plugins.starter")
    texts = [(folder / f"knowledge_{language}.jsonl").read_text("utf-8") for language in ("en", "zh")]
    return [Article.model_validate_json(line) for text in texts for line in text.splitlines() if line.strip()]


class Waiters:
    """Submits when it is time; a thread each waits for the answer, as a web server's request would."""

    def __init__(self, worker: Worker) -> None:
        self._client = worker.client
        self._threads: list[threading.Thread] = []
        self._waits: list[tuple[str, float]] = []

    def ask(self, input_: TaskInput[Any]) -> threading.Thread:
        thread = threading.Thread(target=self._wait, args=(input_,), daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _wait(self, input_: TaskInput[Any]) -> None:
        started = time.perf_counter()
        handle = self._client.submit(input_, priority="interactive")
        handle.outcome(timeout=300)
        self._waits.append((handle.id, time.perf_counter() - started))

    def waits(self) -> list[Wait]:
        for thread in self._threads:
            thread.join(300)
        rows = self._client.store.get([job_id for job_id, _ in self._waits])
        return [_wait(rows[job_id], seconds) for job_id, seconds in self._waits]


def _wait(job: Job, answer_s: float) -> Wait:
    assert job.outcome is not None
    assert job.started_at is not None
    assert job.finished_at is not None
    return Wait(
        job=job.id,
        submitted_at=job.created_at,
        answer_s=answer_s,
        claim_s=max(0.0, job.started_at - job.created_at),
        run_s=job.finished_at - job.started_at,
        code=job.outcome.code,
    )


def one_after_another(worker: Worker, inputs: Iterable[TaskInput[Any]]) -> list[Wait]:
    waiters = Waiters(worker)
    for each in inputs:
        waiters.ask(each).join(300)
    return waiters.waits()


def poisson(worker: Worker, inputs: Sequence[TaskInput[Any]], *, rate: float, bulk: Sequence[str]) -> list[Wait]:
    """Until the inputs end, or so few bulk jobs are left that nobody would have to wait."""
    waiters, pauses = Waiters(worker), random.Random(7)
    for number, each in enumerate(inputs):
        waiters.ask(each)
        time.sleep(pauses.expovariate(rate))
        if number % 8 == 0 and waiting(worker, bulk) < len(bulk) // 20:
            break
    return waiters.waits()


def waiting(worker: Worker, bulk: Sequence[str]) -> int:
    rows = worker.client.store.get(list(bulk))
    return sum(not row.status.is_terminal for row in rows.values())


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def row(name: str, idle: Sequence[float], busy: Sequence[float]) -> str:
    cells = [f"{percentile(each, share) * 1e3:.1f}" for each in (idle, busy) for share in (0.5, 0.95)]
    ratio = percentile(busy, 0.95) / max(percentile(idle, 0.95), 1e-6)
    return f"| {name} | {' | '.join(cells)} | {ratio:.1f} |"


def table(idle: dict[str, list[Wait]], busy: dict[str, list[Wait]]) -> list[str]:
    rows = ["| ms | idle p50 | idle p95 | busy p50 | busy p95 | p95 ratio |", "|---|---|---|---|---|---|"]
    for task in idle:
        for name, what in (
            ("submit to answer", "answer_s"),
            ("submit to claim", "claim_s"),
            ("submit to first scheduled", "scheduled_s"),
            ("claim to first scheduled", "start_s"),
            ("claim to stored answer", "run_s"),
        ):
            runs = [[each for wait in run[task] if (each := getattr(wait, what)) is not None] for run in (idle, busy)]
            if all(runs):
                rows.append(row(f"{task}: {name}", *runs))
    return rows


def stages(waits: Sequence[Started]) -> list[str]:
    """Where the time between claim and model goes."""
    rows = ["| of an interactive description, ms | p50 | p95 |", "|---|---|---|"]
    for name in waits[0].stages:
        found = [each.stages[name] for each in waits]
        rows.append(f"| {name} | {percentile(found, 0.5) * 1e3:.1f} | {percentile(found, 0.95) * 1e3:.1f} |")
    return rows


@dataclass(frozen=True)
class Measured:
    """One run. `probes` are the interactive descriptions under bulk, in the order they were scheduled."""

    idle: dict[str, list[Wait]]
    busy: dict[str, list[Wait]]
    probes: list[Started]
    began_at: float
    bulk: int
    left: int
    seconds: float
    failures: int
    rate: float


def measure(*, bulk: int, chats: int, rate: float | None) -> Measured:
    with ExitStack() as stack:
        inside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storehand-inside-")))
        stack.enter_context(environment(install(inside)))
        worker = stack.enter_context(storehand_worker(plugins="chat,description,inside", drain_s="0.5"))
        assert worker.client.settings.knowledge_dir is not None
        KnowledgeStore(worker.client.settings.knowledge_dir).publish("default", BASE, articles())
        few = max(10, chats // 3)
        one_after_another(worker, [*questions(4), *descriptions(4)])
        tell("idle")
        waits = {
            "chat": one_after_another(worker, questions(few)),
            "description": one_after_another(worker, descriptions(few)),
        }
        rate = rate or LOAD / percentile([each.answer_s for each in waits["description"]], 0.5)
        tell(f"{bulk} bulk descriptions, {rate:.2f} interactive jobs a second")
        handles = worker.client.submit_many(descriptions(bulk), priority=Priority.BULK)
        ids, began, began_at = [handle.id for handle in handles], time.perf_counter(), time.time()
        while waiting(worker, ids[:64]) == 64:
            time.sleep(0.05)
        busy = both(worker, chats=chats, rate=rate, bulk=ids)
        left, seconds = waiting(worker, ids), time.perf_counter() - began
        outcomes = worker.client.store.get(ids)
        codes = [each.outcome.code for each in outcomes.values() if each.outcome is not None]
        told = {each.job: each for each in started(inside)}
    idle = {task: [each.joined(told) for each in found] for task, found in waits.items()}
    busy = {task: [each.joined(told) for each in found] for task, found in busy.items()}
    probes = sorted((told[each.job] for each in busy["description"]), key=lambda each: each.scheduled_at)
    failures = sum(code != "ok" for code in codes) + sum(each.code != "ok" for run in busy.values() for each in run)
    return Measured(idle, busy, probes, began_at, bulk, left, seconds, failures, rate)


def both(worker: Worker, *, chats: int, rate: float, bulk: Sequence[str]) -> dict[str, list[Wait]]:
    """Two Poisson streams beside each other: chats, and descriptions that somebody waits for."""
    found: dict[str, list[Wait]] = {}

    def stream(task: str, inputs: Sequence[TaskInput[Any]]) -> None:
        found[task] = poisson(worker, inputs, rate=rate / 2, bulk=bulk)

    chat = threading.Thread(target=stream, args=("chat", questions(chats)))
    chat.start()
    stream("description", descriptions(chats))
    chat.join()
    return found


def report(run: Measured, *, chats: int) -> str:
    steps = [float(each.steps) for each in run.probes]
    submit = [each.scheduled_s for each in run.busy["description"] if each.scheduled_s is not None]
    lines = [
        f"## Chat behind bulk, {time.strftime('%Y-%m-%d')}, {describe()}\n",
        f"`python -m tests.bench.chat_behind_bulk --bulk {run.bulk} --chats {chats} --rate {run.rate:.2g}`; "
        f"{len(run.busy['chat'])} chats and {len(steps)} interactive descriptions, {run.rate:.2g} a second together,",
        f"while {run.bulk} bulk descriptions waited ({run.left} still did at the end). The starter's chat answers by "
        "retrieval and asks no model; the interactive descriptions do.\n",
        f"**Claim to first scheduled in engine steps: p50 {percentile(steps, 0.5):g}, p95 {percentile(steps, 0.95):g}, "
        f"most {max(steps):g}** (decode steps that ended in between; the one under way at the claim counts).",
        f"Submit to first scheduled: p50 {percentile(submit, 0.5) * 1e3:.0f} ms, "
        f"p95 {percentile(submit, 0.95) * 1e3:.0f} ms.\n",
        *table(run.idle, run.busy),
        "",
        *stages(run.probes),
        "",
        f"Bulk meanwhile: {(run.bulk - run.left) / run.seconds:.1f} descriptions a second. Failures: {run.failures}.",
    ]
    return "\n".join(lines)


def plot(run: Measured) -> str:
    steps = [float(each.steps) for each in run.probes]
    marks: dict[float, list[str]] = {}
    for name, value in (("goal", 2.0), ("p50", percentile(steps, 0.5)), ("p95", percentile(steps, 0.95))):
        marks.setdefault(value, []).append(name)
    points = [(each.scheduled_at - run.began_at, float(each.steps)) for each in run.probes]
    return scatter(
        f"Claim to first scheduled behind {run.bulk} bulk descriptions",
        {"interactive description": points},
        x="seconds since the bulk jobs were submitted",
        y="engine steps",
        lines={", ".join(names): value for value, names in marks.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bulk", type=int, default=5000)
    parser.add_argument("--chats", type=int, default=120)
    parser.add_argument("--rate", type=float, help="interactive jobs a second; default by the idle answer time")
    parser.add_argument("--plot", type=Path, help="write the plot there, as SVG")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    options = parser.parse_args()
    sizes = {"bulk": 120, "chats": 20} if options.quick else {"bulk": options.bulk, "chats": options.chats}
    run = measure(**sizes, rate=options.rate)
    sys.stdout.write(report(run, chats=sizes["chats"]) + "\n")
    if options.plot:
        options.plot.write_text(plot(run), encoding="utf-8")


if __name__ == "__main__":
    main()
