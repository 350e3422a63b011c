"""What this machine is, and what a process tree has used."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass
class Used:
    """Wall and CPU seconds of one measured stretch."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


def tree_cpu_s(pid: int) -> float:
    """User and system seconds of a process and all its children, those that have ended and were waited for too."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


@contextmanager
def measured(pid: int | None = None) -> Iterator[Used]:
    """What a process tree uses meanwhile; without `pid` this process alone, to the microsecond."""
    used = Used()
    wall, cpu = time.perf_counter(), _cpu_s(pid)
    yield used
    used.wall_s, used.cpu_s = time.perf_counter() - wall, _cpu_s(pid) - cpu


def _cpu_s(pid: int | None) -> float:
    return time.process_time() if pid is None else tree_cpu_s(pid)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def describe() -> str:
    """One line for the report."""
    import torch
    import transformers

    model = platform.processor() or "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return (
        f"{os.cpu_count()} cores ({model}), {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}"
    )
