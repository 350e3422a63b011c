"""What the guarantees cost: jobs through a Storehand worker with the fake engine, against a bare Celery worker whose
task asks the same engine, and one that computes the answer itself, on the same broker.

    python -m tests.bench.guarantees [--rounds 3] [--only redis] [--store redis] [--jobs 3200] [--json]

A round fills the queue while the worker is halted (SIGSTOP), then lets it drain the queue. What is counted are the
processor seconds of the worker's process; walls stand beside. Servers and whoever submits are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from tests.bench import brokers
from tests.bench.bare_celery import BareWorker, bare_worker
from tests.bench.brokers import Ground
from tests.bench.machine import Used, describe, measured, median
from tests.bench.plugin import LABELS_ROLE, TEXT_ROLE, BenchLabelsInput
from tests.bench.rounds import Run, share
from tests.bench.worker import Worker, storehand_worker
from tests.waiting import until

tell = Console(stderr=True, highlight=False).print

THREADS = 64
BARE, EMPTY = "bare Celery, same engine", "bare Celery, empty task"
SINGLY = "one by one"
GOAL = 0.6
LAST_ACKS_S = 0.1


@dataclass(frozen=True)
class Plan:
    jobs: int
    """Per contender and round, in envelopes; fewer where each is a message."""
    rounds: int
    grounds: Sequence[str] = brokers.NAMES
    stores: Sequence[str] = ()


QUICK = Plan(200, 1, ("embedded",))
SHORT = Plan(3200, 3, stores=("sqlite", "redis"))
FULL = Plan(4000, 5)

W = TypeVar("W", BareWorker, Worker)
Drain = Callable[[int], tuple[Run, Run]]
"""Submits and drains so many jobs: what the worker used, and what submitting them used here."""


@dataclass(frozen=True)
class Row:
    """One contender on one ground; medians over the rounds, ratios taken round by round: `of_bare` says what the
    guarantees cost, `of_empty` what they and the engine do."""

    ground: str
    name: str
    per_cpu_s: float
    per_wall_s: float
    of_bare: float
    lowest: float
    highest: float
    of_empty: float
    submitted_per_cpu_s: float


def rows(plan: Plan, *, only: str = "", stores: Sequence[str] = ()) -> list[Row]:
    found: list[Row] = []
    for name in plan.grounds:
        if only in name:
            with brokers.ground(name) as ground:
                found += _on(ground, plan, stores)
    return found


def _on(ground: Ground, plan: Plan, stores: Sequence[str]) -> list[Row]:
    worked: dict[str, list[Run]] = {}
    submitted: dict[str, list[Run]] = {}
    with contenders(ground, stores) as found:
        for drain in found.values():
            drain(plan.jobs // 8 + 1)
        for number in range(plan.rounds):
            for name, drain in found.items():
                run, sent = drain(plan.jobs // _share(name))
                worked.setdefault(name, []).append(run)
                submitted.setdefault(name, []).append(sent)
                tell(f"{ground.name}, round {number + 1}: {name} {run.per_cpu_s:.0f} jobs per CPU s")
    return [_row(ground, name, worked, submitted[name]) for name in worked]


def _share(name: str) -> int:
    """Messages cost more: a part of the jobs tells as much."""
    return 4 if name.endswith(SINGLY) else 2 if name in (BARE, EMPTY) else 1


def _row(ground: Ground, name: str, worked: Mapping[str, list[Run]], submitted: list[Run]) -> Row:
    ratios = share(worked, name, BARE)
    return Row(
        ground=ground.name,
        name=name,
        per_cpu_s=median([run.per_cpu_s for run in worked[name]]),
        per_wall_s=median([run.per_wall_s for run in worked[name]]),
        of_bare=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        of_empty=median(share(worked, name, EMPTY)),
        submitted_per_cpu_s=median([run.per_cpu_s for run in submitted]),
    )


@contextmanager
def contenders(ground: Ground, only: Sequence[str]) -> Iterator[dict[str, Drain]]:
    """All of them at once, each on a queue and a store of its own; whoever has no turn is halted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storehand-bench-")))
        found: dict[str, Drain] = {}
        for name in (BARE, EMPTY):
            own = folder / f"bare{len(found)}"
            bare = bare_worker(own, ground.broker(own), threads=THREADS, with_engine=name == BARE)
            found[name] = _bare(_halted(bare, stack))
        for store, url in ground.stores.items():
            if only and store not in only:
                continue
            for items in (32, 1):
                own = folder / f"{store}{items}"
                worker = ours(ground.broker(own), url(), items=items)
                found[ours_name(store, items)] = drain_of(_halted(worker, stack))
        yield found


def ours_name(store: str, items: int) -> str:
    return f"storehand, {store}, " + (SINGLY if items == 1 else f"envelopes of {items}")


@contextmanager
def ours(broker_url: str, store_url: str, *, items: int, plugins: str = "bench") -> Iterator[Worker]:
    """A worker with the fake engine. The embedded queue and the SQLite store lie in the worker's own folder."""
    models = {role: {"engine": "fake", "model": "fake"} for role in (TEXT_ROLE, LABELS_ROLE)}
    urls = {} if broker_url.startswith("embedded") else {"broker_url": broker_url}
    if store_url:
        urls["store_url"] = store_url
    named = {"plugins": plugins, "models": json.dumps(models), "envelope_items": str(items), **urls}
    with storehand_worker(**named) as worker:
        yield worker


def _halted(worker: AbstractContextManager[W], stack: ExitStack) -> W:
    """Until its turn comes, and until the end, when it must hear the signal to leave."""
    found = stack.enter_context(worker)
    stack.enter_context(halting(found))
    return found


@contextmanager
def halting(worker: BareWorker | Worker) -> Iterator[None]:
    """A drain wakes it and halts it again."""
    _halt(worker)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


def _halt(worker: BareWorker | Worker) -> None:
    """Not in the middle of a transaction, which would lock everybody out."""
    os.kill(worker.pid, signal.SIGSTOP)
    while any(map(_is_locked, worker.folder.glob("*.db"))):
        os.kill(worker.pid, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(worker.pid, signal.SIGSTOP)


def _is_locked(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


_numbers = count()


def _bare(worker: BareWorker) -> Drain:
    def drain(jobs: int) -> tuple[Run, Run]:
        with measured() as sent:
            worker.submit(texts(jobs))
        with _awake(worker) as used:
            until(worker.is_drained, timeout_s=300)
        return Run.of(used, jobs), Run.of(sent, jobs)

    return drain


def drain_of(worker: Worker) -> Drain:
    def drain(jobs: int) -> tuple[Run, Run]:
        inputs = [BenchLabelsInput(texts=(text,)) for text in texts(jobs)]
        with measured() as sent:
            handles = worker.client.submit_many(inputs)
        ids = [handle.id for handle in handles]
        with _awake(worker) as used:
            for start in range(0, jobs, 100):  # reading rows is work for the store too
                until(lambda: _ended(worker, ids[start : start + 100]), timeout_s=300, every_s=0.05)  # noqa: B023  # called at once
        return Run.of(used, jobs), Run.of(sent, jobs)

    return drain


def _ended(worker: Worker, ids: Sequence[str]) -> bool:
    return all(job.status.is_terminal for job in worker.client.store.get(ids).values())


def texts(number: int) -> list[str]:
    """No two alike: the fake engine remembers its answers."""
    return [f"review {next(_numbers)}: arrived on time, fits well, would buy again" for _ in range(number)]


@contextmanager
def _awake(worker: BareWorker | Worker) -> Iterator[Used]:
    """The last acks, written a moment after the last job has ended, are in it."""
    with measured(worker.pid) as used:
        os.kill(worker.pid, signal.SIGCONT)
        yield used
        ended = time.perf_counter()
        time.sleep(LAST_ACKS_S)
    used.wall_s -= time.perf_counter() - ended
    _halt(worker)


def page(found: Sequence[Row]) -> str:
    lines = [
        "### What the guarantees cost: jobs with the fake engine, against a bare Celery worker on the same broker\n",
        "Per CPU second of the worker; a message per job for Celery, which has no other way. Its task asks the same "
        "engine, or computes the answer itself (empty). Submitted: per CPU second of whoever sends them. "
        f"Goal: {GOAL} of the first in envelopes, and on Redis also one by one.\n",
        "| broker | worker | jobs per CPU s | of bare Celery, same engine: median (lowest-highest) "
        "| of an empty task | per s (wall) | submitted |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        ratio = f"{row.of_bare:.2f} ({row.lowest:.2f}-{row.highest:.2f})"
        lines.append(
            f"| {row.ground} | {row.name} | {row.per_cpu_s:.0f} | {ratio} | {row.of_empty:.2f} "
            f"| {row.per_wall_s:.0f} | {row.submitted_per_cpu_s:.0f} |"
        )
    return "\n".join(lines) + "\n"


def sections(plan: Plan, *, rounds: int | None = None, only: str = "", stores: Sequence[str] = ()) -> list[str]:
    """The tables: what it costs, and what it is spent on."""
    from tests.bench import spending

    found: list[Row] = []
    spent: list[spending.Spending] = []
    for name in plan.grounds:
        if only in name:
            with brokers.ground(name) as ground:
                found += _on(ground, replace(plan, rounds=rounds or plan.rounds), stores or plan.stores)
                spent += spending.spending(ground, plan.jobs // 2)
    return [page(found), spending.page(spent)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"one of {', '.join(brokers.NAMES)}")
    parser.add_argument("--store", default="", help="these stores only (`a,b`)")
    parser.add_argument("--rounds", type=int, default=SHORT.rounds)
    parser.add_argument("--jobs", type=int, default=SHORT.jobs, help="per contender and round, in envelopes")
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options = parser.parse_args()
    stores = tuple(filter(None, options.store.split(",")))
    plan = Plan(options.jobs, options.rounds)
    if options.json:
        found = rows(plan, only=options.only, stores=stores)
        sys.stdout.write(json.dumps([asdict(each) for each in found]) + "\n")
        return
    told = "\n".join(sections(plan, only=options.only, stores=stores))
    sys.stdout.write(f"## {time.strftime('%Y-%m-%d')}, {describe()}\n\n{told}\n")


if __name__ == "__main__":
    main()
