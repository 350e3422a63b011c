"""Rings again for jobs whose message got lost, ends what is overdue, deletes what is old; one worker at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from storehand.errors import Unavailable
from storehand.job import Job
from storehand.settings import Settings
from storehand.store import JobStore
from storehand_worker.counts import Count, uncounted
from storehand_worker.settle import JobObserver

log = logging.getLogger(__name__)

LEAD_FACTOR = 3.0
SWEEP_S = 60.0


class Bell(Protocol):
    def ring(self, jobs: Sequence[Job]) -> None: ...


class Reconciler:
    """A thread; the store names the one worker that leads."""

    def __init__(
        self,
        store: JobStore,
        bell: Bell,
        observers: JobObserver,
        settings: Settings,
        *,
        owner: str,
        count: Count = uncounted,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._bell = bell
        self._observers = observers
        self._settings = settings
        self._owner = owner
        self._count = count
        self._clock = clock
        self._swept_at = clock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-reconciler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def tick(self) -> int:
        """Looks once, if this worker leads; returns how many jobs it rang for. Unavailable: broker or store is away."""
        if not self._store.lead(self._owner, self._settings.reconcile_s * LEAD_FACTOR):
            return 0
        for job in self._store.expire_overdue():
            if job.outcome is not None:
                self._observers.on_job_done(job, job.outcome)
        lost = self._store.unrung(grace_s=self._settings.publish_grace_s)
        if lost:
            self._bell.ring(lost)
            self._count("rung", len(lost))
            log.info("rang for %d jobs that had no message: lost, handed back, or due for another attempt", len(lost))
        self._sweep()
        return len(lost)

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            swept = self._store.sweep(result_ttl_s=self._settings.result_ttl_s)
            if swept.jobs:
                log.info("%d finished jobs were older than result_ttl_s and are deleted", swept.jobs)

    def _loop(self) -> None:
        while not self._stopped.wait(self._settings.reconcile_s):
            try:
                self.tick()
            except Unavailable as error:
                log.warning("can't look for lost jobs now: %s; again in %g s", error, self._settings.reconcile_s)
            except Exception:
                log.exception("the reconciler met an error of our own; again in %g s", self._settings.reconcile_s)
