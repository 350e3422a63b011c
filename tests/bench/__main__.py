"""Runs the benchmark: interleaved rounds, medians, ratios to named baselines.

    python -m tests.bench [--rounds 3] [--quick] [--write BENCHMARKS.md]

Throughput is work per CPU second of the worker's processes, because walls are noisy on shared machines; wall ratios
stand beside. Every contender does the same work: the bundled catalogue's descriptions, the bundled reviews.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from tests.bench.machine import Used, describe, measured, median
from tests.bench.offline import Offline
from tests.bench.prefork import PROCESSES, Prefork, prefork_worker
from tests.bench.work import descriptions, reviews, sentiment_jobs
from tests.bench.worker import Worker, storehand_worker

Run = tuple[Used, int]
tell = Console(stderr=True, highlight=False).print


def through_the_queue(worker: Worker, inputs: list) -> Run:
    """Everything submitted at once, then every result awaited; work is counted from the answers."""
    with measured(worker.pid) as used:
        handles = worker.client.submit_many(inputs)
        outputs = [handle.result(timeout=900) for handle in handles]
    done = sum(getattr(output, "reviews", None) is not None and len(output.reviews) for output in outputs)
    return used, int(done) or sum(output.usage.completion_tokens for output in outputs)


def text_rounds(offline: Offline, worker: Worker, prefork: Prefork, *, jobs: int, rounds: int) -> dict[str, list[Run]]:
    inputs = descriptions(jobs)
    requests = offline.requests(inputs, "text")
    few = requests[: max(8, len(requests) // 8)]  # one message after the other: slow, and linear
    through_the_queue(worker, inputs[:8])
    prefork.warm("generate")
    runs: dict[str, list[Run]] = defaultdict(list)
    for number in range(rounds):
        tell(f"text, round {number + 1} of {rounds}")
        runs["offline"].append(offline.run(requests, "text"))
        runs["storehand"].append(through_the_queue(worker, inputs))
        runs["prefork"].append(prefork.generate(few))
    return runs


def sentiment_rounds(
    offline: Offline, worker: Worker, prefork: Prefork, *, texts: int, rounds: int
) -> dict[str, list[Run]]:
    bodies = reviews(texts)
    singles, tens = sentiment_jobs(bodies, per_job=1), sentiment_jobs(bodies, per_job=10)
    requests = offline.requests(singles, "sentiment")
    through_the_queue(worker, tens[:8])
    prefork.warm("classify")
    runs: dict[str, list[Run]] = defaultdict(list)
    for number in range(rounds):
        tell(f"sentiment, round {number + 1} of {rounds}")
        runs["offline"].append(offline.run(requests, "sentiment"))
        runs["storehand, 1 review a job"].append(through_the_queue(worker, singles))
        runs["storehand, 10 reviews a job"].append(through_the_queue(worker, tens))
        runs["prefork"].append(prefork.classify(bodies))
    return runs


def idle_latency(offline: Offline, worker: Worker, *, calls: int) -> dict[str, list[float]]:
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
    return seconds


def table(title: str, unit: str, runs: dict[str, list[Run]], baseline: str) -> str:
    """Medians over the rounds; ratios to the baseline of the same round."""
    rows = [
        f"### {title}\n",
        f"| contender | {unit} per CPU s | of {baseline} | {unit} per s (wall) | of {baseline} |",
        "|---|---|---|---|---|",
    ]
    base = runs[baseline]
    for name, each in runs.items():
        cpu = [n / used.cpu_s for used, n in each]
        wall = [n / used.wall_s for used, n in each]
        cpu_ratio = [a / (n / used.cpu_s) for a, (used, n) in zip(cpu, base, strict=True)]
        wall_ratio = [a / (n / used.wall_s) for a, (used, n) in zip(wall, base, strict=True)]
        spread = f"{median(cpu_ratio):.2f} ({min(cpu_ratio):.2f}-{max(cpu_ratio):.2f})"
        rows.append(f"| {name} | {median(cpu):.0f} | {spread} | {median(wall):.0f} | {median(wall_ratio):.2f} |")
    return "\n".join(rows) + "\n"


def latency_table(seconds: dict[str, list[float]]) -> str:
    rows = ["### Idle latency, one review at a time\n", "| | p50 | p95 |", "|---|---|---|"]
    for name, each in seconds.items():
        ordered = sorted(each)
        rows.append(f"| {name} | {median(ordered) * 1e3:.1f} ms | {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms |")
    added = median([b - a for a, b in zip(seconds["bare call"], seconds["submit to result"], strict=True)])
    rows.append(f"| **added by client, store, broker and worker** | **{added * 1e3:.1f} ms** | |")
    return "\n".join(rows) + "\n"


def report(*, rounds: int, jobs: int, texts: int, calls: int) -> str:
    offline = Offline()
    try:
        with storehand_worker() as worker, prefork_worker() as prefork:
            text = text_rounds(offline, worker, prefork, jobs=jobs, rounds=rounds)
            sentiment = sentiment_rounds(offline, worker, prefork, texts=texts, rounds=rounds)
            idle = idle_latency(offline, worker, calls=calls)
    finally:
        offline.close()
    return "\n".join(
        [
            f"## {time.strftime('%Y-%m-%d')}, {describe()}\n",
            f"`make bench`; {rounds} interleaved rounds, medians, (lowest-highest) of the ratio. offline: the same "
            "engine in one process, all requests at once, no task code. prefork: plain Celery on the same embedded "
            f"broker, {PROCESSES} processes, `generate` / `pipeline` per message, same prompts and options.\n",
            table(f"Text: {jobs} descriptions, best of n, starter model", "tokens", text, "offline"),
            table(f"Sentiment: {texts} reviews, starter model", "reviews", sentiment, "offline"),
            latency_table(idle),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a smoke run: few jobs, one round")
    parser.add_argument("--write", type=Path, help="write the report there, under its heading")
    options = parser.parse_args()
    sizes = {"jobs": 16, "texts": 60, "calls": 20} if options.quick else {"jobs": 192, "texts": 1200, "calls": 200}
    page = report(rounds=1 if options.quick else options.rounds, **sizes)
    sys.stdout.write(page + "\n")
    if options.write:
        options.write.write_text(f"# Benchmarks\n\nMade by `make bench`.\n\n{page}", encoding="utf-8")


if __name__ == "__main__":
    main()
