"""How long a customer in the chat waits while thousands of bulk descriptions wait too, against an idle worker.

    python -m tests.bench.chat_behind_bulk [--bulk 2000] [--chats 120] [--rate 4] [--quick]

One real worker on the embedded queue, starter models. First an idle baseline, then the same questions as a Poisson
stream while the bulk jobs wait. Chats on the starter answer by retrieval and ask no model; interactive descriptions
stand beside them, which do: their lane wait is told in engine steps.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle, islice
from typing import Any

from rich.console import Console

from storehand.contracts import Article, ChatInput, ChatMessage, TaskInput
from storehand.job import Job, Priority
from storehand.knowledge import KnowledgeStore
from tests.bench.machine import describe
from tests.bench.work import descriptions
from tests.bench.worker import Worker, storehand_worker

BASE = "help"
tell = Console(stderr=True, highlight=False).print


@dataclass(frozen=True)
class Wait:
    """One interactive job. Seconds: submitted to answer in the client's hand, claimed to stored, in the lane; and
    claimed to scheduled at most (what of its run was not inference)."""

    answer_s: float
    claim_s: float
    run_s: float
    lane_s: float
    before_s: float
    code: str


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
    usage = (job.outcome.output or {}).get("usage", {})
    run_s = job.finished_at - job.started_at
    return Wait(
        answer_s=answer_s,
        claim_s=max(0.0, job.started_at - job.created_at),
        run_s=run_s,
        lane_s=usage.get("laneWaitS", 0.0),
        before_s=max(0.0, run_s - usage.get("inferenceS", 0.0)),
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


def steps(worker: Worker) -> tuple[float, float]:
    """Seconds and number of the text model's decode steps so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = {"sum": 0.0, "count": 0.0}
    for line in lines:
        for name in found:
            if line.startswith(f"storehand_step_seconds_{name}{{") and 'phase="decode"' in line:
                found[name] += float(line.rsplit(" ", 1)[1])
    return found["sum"], found["count"]


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
            ("claim to stored answer", "run_s"),
        ):
            rows.append(row(f"{task}: {name}", *([getattr(each, what) for each in run[task]] for run in (idle, busy))))
    for name, what in (("claim to scheduled, at most", "before_s"), ("lane wait", "lane_s")):
        runs = ([getattr(each, what) for each in run["description"]] for run in (idle, busy))
        rows.append(row(f"description: {name}", *runs))
    return rows


def report(*, bulk: int, chats: int, rate: float) -> str:
    with storehand_worker() as worker:
        assert worker.client.settings.knowledge_dir is not None
        KnowledgeStore(worker.client.settings.knowledge_dir).publish("default", BASE, articles())
        few = max(10, chats // 3)
        one_after_another(worker, [*questions(4), *descriptions(4)])
        tell("idle")
        idle = {
            "chat": one_after_another(worker, questions(few)),
            "description": one_after_another(worker, descriptions(few)),
        }
        tell(f"{bulk} bulk descriptions")
        handles = worker.client.submit_many(descriptions(bulk), priority=Priority.BULK)
        ids, started = [handle.id for handle in handles], time.perf_counter()
        while waiting(worker, ids) == bulk:
            time.sleep(0.05)
        before = steps(worker)
        busy: dict[str, list[Wait]] = {}

        def stream(task: str, inputs: Sequence[TaskInput[Any]]) -> None:
            busy[task] = poisson(worker, inputs, rate=rate / 2, bulk=ids)

        chat = threading.Thread(target=stream, args=("chat", questions(chats)))
        chat.start()
        stream("description", descriptions(chats))
        chat.join()
        left, seconds = waiting(worker, ids), time.perf_counter() - started
        after = steps(worker)
        outcomes = worker.client.store.get(ids)
        codes = [each.outcome.code for each in outcomes.values() if each.outcome is not None]
    step_s = (after[0] - before[0]) / max(after[1] - before[1], 1)
    lane, ahead = (
        percentile([getattr(each, what) for each in busy["description"]], 0.95) / step_s
        for what in ("lane_s", "before_s")
    )
    failures = sum(code != "ok" for code in codes) + sum(each.code != "ok" for run in busy.values() for each in run)
    lines = [
        f"## Chat behind bulk, {time.strftime('%Y-%m-%d')}, {describe()}\n",
        f"`python -m tests.bench.chat_behind_bulk --bulk {bulk} --chats {chats} --rate {rate:g}`; {len(busy['chat'])} "
        f"chats and {len(busy['description'])} interactive descriptions, {rate:g} a second together,",
        f"while {bulk} bulk descriptions waited ({left} still did at the end).\n",
        *table(idle, {task: busy[task] for task in idle}),
        "",
        f"An engine step took {step_s * 1e3:.1f} ms. In steps, p95: lane wait {lane:.1f}, claim to scheduled at most "
        f"{ahead:.1f}. Bulk meanwhile: {(bulk - left) / seconds:.1f} descriptions a second. Failures: {failures}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bulk", type=int, default=2000)
    parser.add_argument("--chats", type=int, default=120)
    parser.add_argument("--rate", type=float, default=4.0, help="interactive jobs a second")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    options = parser.parse_args()
    sizes = {"bulk": 120, "chats": 20} if options.quick else {"bulk": options.bulk, "chats": options.chats}
    sys.stdout.write(report(**sizes, rate=options.rate) + "\n")


if __name__ == "__main__":
    main()
