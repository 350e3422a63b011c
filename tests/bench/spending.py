"""What a job through a Storehand worker costs in processor time, by what it is spent on (`spent.py` counts it)."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import guarantees
from tests.bench.brokers import Ground
from tests.bench.inside import environment
from tests.bench.spent import FILE
from tests.bench.worker import Worker
from tests.waiting import until


@dataclass(frozen=True)
class Spending:
    """Microseconds of the worker's processor per job, with what counting it costs."""

    ground: str
    name: str
    us: Mapping[str, float]


def spending(ground: Ground, jobs: int) -> list[Spending]:
    """The first store of this ground, in envelopes and one by one."""
    store, url = next(iter(ground.stores.items()))
    return [_measure(ground, store, url(), items, jobs) for items in (32, 1)]


def _measure(ground: Ground, store: str, store_url: str, items: int, jobs: int) -> Spending:
    with tempfile.TemporaryDirectory(prefix="storehand-bench-") as name:
        folder = Path(name)
        with environment(_install(folder)):
            broker_url = ground.broker(folder / "queue")
            ours = guarantees.ours(broker_url, store_url, items=items, plugins="bench,spent")
            with ours as worker, guarantees.halting(worker):
                guarantees.drain_of(worker)(jobs // 8 + 1)
                _spent(worker, folder / "spent.json")  # its start
                guarantees.drain_of(worker)(jobs)
                spent = _spent(worker, folder / "spent.json")
    total = spent.pop("all")
    per_job = {what: seconds / jobs * 1e6 for what, seconds in sorted(spent.items(), key=lambda each: -each[1])}
    return Spending(ground.name, guarantees.ours_name(store, items), {"all": total / jobs * 1e6, **per_job})


def _spent(worker: Worker, file: Path) -> dict[str, float]:
    """Seconds by group since the last time, asked of a worker that is halted."""
    os.kill(worker.pid, signal.SIGUSR2)
    os.kill(worker.pid, signal.SIGCONT)
    until(file.exists, timeout_s=30)
    os.kill(worker.pid, signal.SIGSTOP)
    found: dict[str, float] = json.loads(file.read_text())
    file.unlink()
    return found


def _install(folder: Path) -> dict[str, str]:
    info = folder / "site" / "storehand_spent-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: storehand-spent\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[storehand]\nspent = tests.bench.spent\n")
    return {FILE: str(folder / "spent.json"), "PYTHONPATH": str(info.parent)}


def page(found: list[Spending]) -> str:
    lines = ["| broker | worker | microseconds per job, by what they are spent on |", "|---|---|---|"]
    for each in found:
        where = ", ".join(f"{what} {us:.0f}" for what, us in each.us.items() if us >= 1)
        lines.append(f"| {each.ground} | {each.name} | {where} |")
    return "\n".join(lines) + "\n"
