"""Calls the hooks that only watch, each guarded: an observer that raises disturbs nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pluggy

from storehand.engine import BatchReport
from storehand.job import Job, Outcome

log = logging.getLogger(__name__)

QUIET_S = 60.0
"""An observer that raises at every engine step would fill the disk: one line per hook in this time."""


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
        self._quiet_until: dict[tuple[str, str], float] = {}

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
                self._complain(plugin, "check_health")
                complaint = f"its health check raised {type(error).__name__}"
            if complaint:
                complaints.append(f"{plugin}: {complaint}")
        return complaints

    def _tell(self, hook: str, **arguments: Any) -> None:
        for plugin, implementation in self._hooks[hook]:
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception:
                self._complain(plugin, hook)

    def _complain(self, plugin: str, hook: str) -> None:
        now = self._clock()
        if now >= self._quiet_until.get((plugin, hook), now):
            self._quiet_until[plugin, hook] = now + QUIET_S
            log.exception(
                "plugin %s raised in %s; the job goes on, and this line comes at most every %.0f s",
                plugin,
                hook,
                QUIET_S,
            )


_WATCHING = ("on_worker_start", "on_worker_stop", "on_job_done", "on_batch_done", "check_health")


def _implementations(manager: pluggy.PluginManager, hook: str) -> tuple[tuple[str, pluggy.HookImpl], ...]:
    def each() -> Iterator[tuple[str, pluggy.HookImpl]]:
        for implementation in reversed(getattr(manager.hook, hook).get_hookimpls()):  # pluggy's own order
            yield implementation.plugin_name, implementation

    return tuple(each())
