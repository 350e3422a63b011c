"""A plugin that tells a benchmark what only the worker itself knows: when each job's first model call came to the
device, by stage and in engine steps; and which thread is which.

One JSON line per job that asked a model, in the file that BENCH_INSIDE names.
"""

from __future__ import annotations

import json
import os
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storehand.engine import BatchReport
from storehand.hookspecs import hookimpl
from storehand_worker.metrics import Metrics
from storehand_worker.models import CallReport

FILE = "BENCH_INSIDE"
NAMES_ONLY = "names"
"""As the file: threads get their names, and nothing is told, which would cost every job."""
KEPT_STEPS = 4096
_steps: list[float] = []


@dataclass(frozen=True)
class Started:
    """`steps` decode steps ended between the job's claim and its schedule; 1 is the one that ran at its claim."""

    job: str
    task: str
    priority: str
    scheduled_at: float
    wait_s: float
    steps: int
    stages: dict[str, float]


def install(folder: Path) -> dict[str, str]:
    """What `pip install` would leave behind, in `folder`; the environment of a worker that is to load it."""
    info = folder / "site" / "storehand_inside-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-inside\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[storehand]\ninside = tests.bench.inside\n")
    path = os.pathsep.join([str(info.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {FILE: str(folder / "started.jsonl"), "PYTHONPATH": path}


@contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """For the processes that start inside."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def started(folder: Path) -> list[Started]:
    """What the worker has told so far."""
    file = folder / "started.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Started(**json.loads(line)) for line in lines if line.endswith("}")]


def thread_cpu_s(pid: int) -> Counter[str]:
    """Processor seconds of a process by kind of thread: job, item, engine-<role>, main (the event loop) ..."""
    found = Counter[str]()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, used = (thread / "comm").read_text().strip(), (thread / "schedstat").read_text().split()[0]
        except OSError:  # ended meanwhile
            continue
        kind = name.removeprefix("storehand-").rstrip("0123456789-")
        known = name.startswith(("storehand-", "engine-"))
        found["main" if thread.name == str(pid) else kind if known else "other"] += int(used) / 1e9  # type: ignore[assignment]  # seconds
    return found


@hookimpl
def on_batch_done(report: BatchReport) -> None:
    if report.phase == "decode":
        _steps.append(time.monotonic())
        del _steps[:-KEPT_STEPS]


def _tell(report: CallReport) -> None:
    start = report.start
    if start is None or start.scheduled_at is None:
        return
    steps = list(_steps)
    line = {
        "job": start.job_id,
        "task": report.task,
        "priority": report.priority,
        "scheduled_at": time.time() - time.monotonic() + start.scheduled_at,
        "wait_s": start.total_s,
        "steps": bisect_right(steps, start.scheduled_at) - bisect_right(steps, start.claimed_at),
        "stages": start.stages(),
    }
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:  # one short O_APPEND write is atomic
        file.write(json.dumps(line) + "\n")


def _name_threads(run: Any) -> Any:
    def named(thread: threading.Thread) -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(thread.name[:15])
        run(thread)

    return named


if FILE in os.environ:  # in the worker; `on_call` is no hook, so its only caller is asked to tell us as well
    threading.Thread.run = _name_threads(threading.Thread.run)  # type: ignore[method-assign]  # the bench's worker only
    count = Metrics.on_call

    def on_call(self: Metrics, report: CallReport) -> None:
        count(self, report)
        _tell(report)

    if os.environ[FILE] != NAMES_ONLY:
        Metrics.on_call = on_call  # type: ignore[method-assign]  # the bench's worker only
