"""Calls the hooks that only watch, each guarded: an observer that raises disturbs nobody."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pluggy

from storehand.engine import BatchReport
from storehand.job import Job, Outcome

log = logging.getLogger(__name__)

QUIET_S = 60.0
"""An observer that raises at every engine step would fill the disk: its traceback comes once, then a line in this
time."""


class Observers:
    """The observers of all plugins, and the worker's own (metrics, the job log)."""

    def __init__(
        self,
        manager: pluggy.PluginManager,
        *,
        own: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, observer in (own or {}).items():
            manager.register(observer, name=name)
        self._hooks = {name: _implementations(manager, name) for name in _WATCHING}
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], _Complaint] = {}

    def on_worker_start(self, tasks: Sequence[str]) -> None:
        self._tell("on_worker_start", tasks=tasks)

    def on_worker_stop(self) -> None:
        self._tell("on_worker_stop")

    def on_job_done(self, job: Job, outcome: Outcome) -> None:
        self._tell("on_job_done", job=job, outcome=outcome)

    def on_batch_done(self, report: BatchReport) -> None:
        self._tell("on_batch_done", report=report)

    def check_health(self) -> list[str]:
        """One sentence per plugin that is not well; a check that raises is not well either."""
        complaints = []
        for plugin, implementation in self._hooks["check_health"]:
            try:
                complaint = implementation.function()
            except Exception as error:
                self._complain(plugin, "check_health", error)
                complaint = f"its health check raised {type(error).__name__}"
            if complaint:
                complaints.append(f"{plugin}: {complaint}")
        return complaints

    def _tell(self, hook: str, **arguments: Any) -> None:
        for plugin, implementation in self._hooks[hook]:
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception as error:
                self._complain(plugin, hook, error)

    def _complain(self, plugin: str, hook: str, error: Exception) -> None:
        kind = type(error).__name__
        with self._lock:  # hooks are called by engines and by all the threads of the pool
            is_new = (plugin, hook, kind) not in self._known
            complaint = self._known.setdefault((plugin, hook, kind), _Complaint())
            times = complaint.due(self._clock())
        if is_new:
            log.error("plugin %s raised in %s; the job goes on", plugin, hook, exc_info=error)
        elif times:
            log.error("plugin %s raised %s in %s, %d times more; the jobs went on", plugin, kind, hook, times)


class _Complaint:
    """How often it was raised since it was last told."""

    def __init__(self) -> None:
        self._quiet_until = -math.inf
        self._times = 0

    def due(self, now: float) -> int:
        """Counts one more; how many there are to tell now, 0 while it is quiet."""
        self._times += 1
        if now < self._quiet_until:
            return 0
        times, self._times, self._quiet_until = self._times, 0, now + QUIET_S
        return times


_WATCHING = ("on_worker_start", "on_worker_stop", "on_job_done", "on_batch_done", "check_health")


def _implementations(manager: pluggy.PluginManager, hook: str) -> tuple[tuple[str, pluggy.HookImpl], ...]:
    def each() -> Iterator[tuple[str, pluggy.HookImpl]]:
        for implementation in reversed(getattr(manager.hook, hook).get_hookimpls()):  # pluggy's own order
            yield implementation.plugin_name, implementation

    return tuple(each())
