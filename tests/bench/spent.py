"""A plugin that tells a benchmark what a worker's processor time goes to: by thread, and inside threads by function.

Written as JSON, seconds by group since the last time, into the file that BENCH_SPENT names, at each SIGUSR2.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storehand.hookspecs import hookimpl
from storehand_worker import work
from storehand_worker.job_log import JobLog
from storehand_worker.job_path import JobPath
from storehand_worker.observers import Observers

FILE = "BENCH_SPENT"

CLAIM, FINISH, CONTRACTS, TASK = "claim", "finish", "contracts", "task and model call"
METRICS, LOG = "observers", "job log"
THREADS = {
    "MainThread": "event loop and broker",
    "storehand-job": "Celery's tracer",
    "storehand-item": "hand-overs and context",
    "engine-": "engine",
}


class Ledger:
    """Of one thread: what it does now, and what it has spent on what."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.tid = threading.get_native_id()
        self.root = next((what for name, what in THREADS.items() if self.thread.name.startswith(name)), "other threads")
        self.spent = Counter[str]()
        self._now = self.root
        self._since = time.thread_time()

    def turn(self, to: str) -> str:
        now = time.thread_time()
        self.spent[self._now] += now - self._since  # type: ignore[assignment]  # seconds
        before, self._now, self._since = self._now, to, now
        return before


_own = threading.local()
_all: list[Ledger] = []


def _ledger() -> Ledger:
    found = getattr(_own, "ledger", None)
    if found is None:
        found = _own.ledger = Ledger()
        _all.append(found)
    return found


def _counted(what: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def counted(*args: Any, **kwargs: Any) -> Any:
        ledger = _ledger()
        before = ledger.turn(what)
        try:
            return call(*args, **kwargs)
        finally:
            ledger.turn(before)

    return counted


def _count(owner: Any, what: str, *names: str) -> None:
    for name in names:
        setattr(owner, name, _counted(what, getattr(owner, name)))


def _schedstat_s(tid: int) -> float:
    return int(Path(f"/proc/self/task/{tid}/schedstat").read_text().split()[0]) / 1e9


def _so_far() -> Counter[str]:
    """Seconds by group; what is under none of the functions belongs to its thread."""
    groups = Counter[str]()
    for ledger in _all:
        groups.update(ledger.spent)
    known = {ledger.tid: sum(ledger.spent.values()) for ledger in _all}
    for thread in threading.enumerate():
        tid = thread.native_id or 0
        root = next((what for name, what in THREADS.items() if thread.name.startswith(name)), "other threads")
        groups[root] += max(0.0, _schedstat_s(tid) - known.get(tid, 0.0))  # type: ignore[assignment]  # seconds
    groups["all"] = time.process_time()  # type: ignore[assignment]  # seconds
    return groups


def _tell(*_: Any) -> None:
    """What was spent since the last time, into the file."""
    now, file = _so_far(), Path(os.environ[FILE])
    fresh = {what: seconds - _told[what] for what, seconds in now.items()}
    _told.update(fresh)  # adds
    file.with_suffix(".new").write_text(json.dumps(fresh))
    file.with_suffix(".new").replace(file)


_told = Counter[str]()


if FILE in os.environ:

    @hookimpl
    def on_worker_start() -> None:
        signal.signal(signal.SIGUSR2, _tell)

    def _build(self: JobPath) -> None:
        _plain_build(self)
        _count(self.store, CLAIM, "claim", "get")
        _count(self.store, FINISH, "finish")
        for task in self.host.tasks.values():
            _count(task, TASK, "run")

    _plain_build = JobPath._build
    JobPath._build = _build  # type: ignore[method-assign]  # the bench's worker only
    _count(Observers, METRICS, "on_job_done")
    _count(JobLog, LOG, "on_job_done")
    _count(work, CONTRACTS, "_checked_input", "_checked_output")
