"""Whether this worker is started, alive and ready, and in plain words why not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from storehand.engine import EngineHealth, EngineState

LOOP, WATCHER = "loop", "watcher"

STALE_S: Mapping[str, float] = {LOOP: 60.0}
"""Older ticks turn /readyz red. The loop blocks while it reconnects to a broker that is away."""

DEAD_S: Mapping[str, float] = {LOOP: 900.0, WATCHER: 30.0}
"""Older ticks turn /livez red. The loop gets longer than any job may run: killing a worker because its broker is away
would throw away the jobs in hand."""

STEP_DEAD_S = 300.0
"""An engine with work in hand that has made no step for so long hangs on its device. Its jobs still end by their time
limits, so nothing else would tell."""


class Liveness:
    """What the threads of the worker say about themselves. Any thread may write and read."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticks: dict[str, float] = {}
        self._lock = threading.Lock()
        self.is_started = False
        self.is_draining = False
        self.has_broker = False
        self.start_up_s: float | None = None
        """Process start to the first message it may take; none until then."""
        self.progress = "starting"
        """What start-up is busy with; `host.load(progress=liveness.report)` keeps it."""

    def tick(self, source: str = LOOP) -> None:
        """The thread called so has come round again. A source is judged from its first tick on."""
        with self._lock:
            self._ticks[source] = self._clock()

    def serve(self) -> None:
        """It has a connection to its broker, and takes jobs from now on."""
        self.has_broker = True
        if self.start_up_s is None:
            self.start_up_s = process_age_s()
        self.is_started = True

    def report(self, progress: str) -> None:
        self.progress = progress

    def ages_s(self) -> dict[str, float]:
        """Seconds since the last tick, by source."""
        now = self._clock()
        with self._lock:
            return {source: now - at for source, at in self._ticks.items()}


class Engines(Protocol):
    """The host, as far as it is looked at here."""

    def health(self) -> Mapping[str, EngineHealth]: ...


class Checks:
    """The three questions; each answer is a list of reasons against, empty when all is well."""

    def __init__(
        self,
        liveness: Liveness,
        *,
        engines: Engines | None = None,
        check_health: Callable[[], list[str]] = list,
    ) -> None:
        self._liveness = liveness
        self._engines = engines
        self._check_health = check_health

    def started(self) -> list[str]:
        """Models are loaded and the worker takes jobs."""
        return [] if self._liveness.is_started else [f"still starting: {self._liveness.progress}"]

    def live(self) -> list[str]:
        """Red means: kill this process, it does not come back by itself."""
        return [*self._too_old(DEAD_S), *self._dead_engines()]

    def ready(self) -> list[str]:
        """Red means: do not count on this worker now."""
        if not self._liveness.is_started:
            return self.started()
        draining = ["draining: it finishes what it has and takes nothing new"] if self._liveness.is_draining else []
        too_old = self._too_old({**DEAD_S, **STALE_S})
        return [*draining, *too_old, *self._dead_engines(), *self._check_health()]

    def _too_old(self, limits: Mapping[str, float]) -> list[str]:
        ages_s = self._liveness.ages_s()
        return [
            f"the {source} has not come round for {age_s:.0f} s" + (_LOOP_HINT if source == LOOP else "")
            for source, age_s in ages_s.items()
            if age_s > limits.get(source, float("inf"))
        ]

    def _dead_engines(self) -> Iterator[str]:
        for model, health in (self._engines.health() if self._engines else {}).items():
            if health.state is EngineState.DEAD:
                yield f"{model} is dead: {health.detail}"
            elif health.last_step_age_s > STEP_DEAD_S:
                yield f"{model} has work and has made no step for {health.last_step_age_s:.0f} s"


_IMPORTED_AT = time.monotonic()


def process_age_s() -> float:
    """Since this process was started; where the kernel does not tell, since this module was imported."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = int(fields[19])  # field 22 of proc(5), counted behind the name
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _IMPORTED_AT


_LOOP_HINT = ": is the broker reachable?"
