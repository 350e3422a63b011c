"""What the lane costs: a pick among many that wait, and texts a second through the fake engine.

    python -m tests.bench.lane [--json]

A pick is measured in CPU time of its thread. Throughput is measured by wall and by CPU time of this process: on a
shared machine the second is what compares.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from itertools import count
from typing import Annotated

import typer

from storehand.engine import TextsRequest
from storehand.job import Priority
from storehand.task import Kind
from storehand_worker.engines import builtin_engines
from storehand_worker.engines.scheduler import Part, Scheduler
from storehand_worker.engines.step_time import StepTime
from storehand_worker.steps import SWITCH_INTERVAL_S
from tests.bench.machine import measured
from tests.tiny_models import spec_of

ROOM = 32
TEXT = "a warm and light jacket, though the sleeves are long for me"


@dataclass(frozen=True)
class Picks:
    """Milliseconds of CPU per pick of 32 parts, and microseconds per push."""

    waiting: int
    tenants: int
    window: int
    p50_ms: float
    p95_ms: float
    push_us: float


@dataclass(frozen=True)
class Throughput:
    kind: Kind
    threads: int
    texts: int
    wall_s: float
    cpu_s: float

    @property
    def per_wall_s(self) -> float:
        return self.texts / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        return self.texts / self.cpu_s


def waiting_line(waiting: int, *, tenants: int) -> Scheduler[int]:
    """Requests of one part, of all classes, half of them with a deadline that counts."""
    line: Scheduler[int] = Scheduler(waiting)
    for number in range(waiting):
        line.push(
            f"{number}",
            [Part(number, 5 + number * 37 % 200)],
            priority=tuple(Priority)[number % 3],
            now=number / 1000,
            deadline=1000.0 + number % 97 if number % 2 else 12 + number / 100,
            share=f"task/{number * 7919 % tenants}",
        )
    return line


def time_picks(waiting: int, *, tenants: int, window: int = ROOM, picks: int = 100) -> Picks:
    """Every pick takes its parts out; as many of the same shares come in again."""
    started = time.thread_time()
    line = waiting_line(waiting, tenants=tenants)
    push_s = (time.thread_time() - started) / waiting
    times = StepTime()
    for number in range(20):
        times.observe(500 + 50 * number, 1e5 + number, 0.05)
    numbers = count(waiting)
    seconds = []
    for _ in range(picks):
        started = time.thread_time()
        pick = line.pick(11.0, room=ROOM, budget=ROOM * 205, window=window, times=times)
        seconds.append(time.thread_time() - started)
        assert pick.items
        for item, key in zip(pick.items, numbers, strict=False):
            share = f"task/{item * 7919 % tenants}"
            line.push(f"{key}", [Part(item, 50)], priority=Priority.BULK, now=11.0, share=share)
    seconds.sort()
    p50_s, p95_s = seconds[picks // 2], seconds[picks * 95 // 100]
    return Picks(waiting, tenants, window, 1000 * p50_s, 1000 * p95_s, 1e6 * push_s)


def time_lane(kind: Kind, *, threads: int, texts: int, requests: int) -> Throughput:
    """Every thread asks for one list after the other and waits for each, as jobs do; no text comes twice."""
    engine = builtin_engines()["fake"](spec_of("", kind=kind, slots=256, batch_tokens=1 << 16))
    begin = threading.Event()

    def ask(name: int) -> None:
        begin.wait()
        for number in range(requests):
            asked = tuple(f"{TEXT}, {name} {number} {place}" for place in range(texts))
            engine.submit(TextsRequest(id=f"{name}-{number}", texts=asked, tenant=f"{name % 8}")).result(60)

    workers = [threading.Thread(target=ask, args=(name,)) for name in range(threads)]
    for worker in workers:
        worker.start()
    with measured() as used:
        begin.set()
        for worker in workers:
            worker.join()
    engine.close()
    return Throughput(kind, threads, threads * requests * texts, used.wall_s, used.cpu_s)


def main(
    waiting: Annotated[int, typer.Option(help="parts that wait")] = 10_000,
    threads: Annotated[int, typer.Option(help="callers of the fake engine")] = 64,
    texts: Annotated[int, typer.Option(help="texts of one request")] = 32,
    requests: Annotated[int, typer.Option(help="requests of one caller")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Prints what a pick costs and what the lane passes on."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as in a worker
    picks = [
        time_picks(waiting, tenants=tenants, window=window)
        for window in (ROOM, 128)
        for tenants in (1, 2, 500, waiting)
    ]
    kinds: tuple[Kind, ...] = ("classify", "encode")
    runs = [time_lane(kind, threads=threads, texts=texts, requests=requests) for kind in kinds]
    if as_json:
        through = [{**asdict(run), "per_wall_s": run.per_wall_s, "per_cpu_s": run.per_cpu_s} for run in runs]
        typer.echo(json.dumps({"picks": [asdict(each) for each in picks], "lane": through}))
        return
    for each in picks:
        typer.echo(
            f"pick of {ROOM} among {each.waiting}, {each.tenants} tenants, window {each.window}: "
            f"p50 {each.p50_ms:.2f} ms, p95 {each.p95_ms:.2f} ms; push {each.push_us:.0f} us"
        )
    for run in runs:
        typer.echo(
            f"{run.kind}, {run.threads} threads, lists of {texts}: {run.per_wall_s:,.0f} texts/s, "
            f"{run.per_cpu_s:,.0f} texts per CPU s"
        )


if __name__ == "__main__":
    typer.run(main)
