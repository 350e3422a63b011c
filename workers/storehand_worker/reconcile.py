"""Rings again for jobs whose message got lost, ends what is overdue, deletes what is old; one worker at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from storehand.errors import Unavailable
from storehand.job import Job, NewNote, Priority
from storehand.settings import Settings
from storehand.store import JobStore
from storehand_worker.lost import Depths, LostMessages, Why, no_depths, why_rung
from storehand_worker.settle import JobObserver

log = logging.getLogger(__name__)

LEAD_FACTOR = 3.0
SWEEP_S = 60.0
BATCH = 500
"""Rows looked at and rung for at once; the next batch follows until none is left or it is time for another look."""


class Bell(Protocol):
    def ring(self, jobs: Sequence[Job], *, envelope: bool = False) -> None: ...


class Reconciler:
    """A thread; the store names the one worker that leads. `depths` tells what waits in the broker's queues,
    `on_rung` hears why and for how many jobs, `on_payloads` under what the deleted jobs' large inputs were kept."""

    def __init__(
        self,
        store: JobStore,
        bell: Bell,
        observers: JobObserver,
        settings: Settings,
        *,
        owner: str,
        depths: Depths = no_depths,
        on_rung: Callable[[Why, int], None] = lambda why, jobs: None,
        on_payloads: Callable[[Sequence[str]], None] = lambda refs: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._bell = bell
        self._observers = observers
        self._settings = settings
        self._owner = owner
        self._depths = depths
        self._on_rung = on_rung
        self._on_payloads = on_payloads
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
        if not self._leads():
            return 0
        self._expire()
        self._sweep()
        return self._ring_all()

    def _leads(self) -> bool:
        return self._store.lead(self._owner, self._settings.reconcile_s * LEAD_FACTOR)

    def _expire(self) -> None:
        while jobs := self._store.expire_overdue():
            for job in jobs:
                if job.outcome is not None:
                    self._observers.on_job_done(job, job.outcome)
            if self._stopped.is_set():
                return

    def _ring_all(self) -> int:
        """Batch by batch, for as long as one look may take: after an outage of the broker there may be many."""
        end = self._clock() + self._settings.reconcile_s
        lost_messages = LostMessages(self._store, self._settings, self._depths)
        seen, rung = set[str](), 0
        while True:
            found = [
                job
                for job in self._store.unrung(grace_s=self._settings.publish_grace_s, limit=BATCH)
                if job.id not in seen
            ]
            seen.update(job.id for job in found)
            lost, waiting = lost_messages.apart(found)
            if waiting:  # their message is in a queue that is long; nobody looks at them again for a while
                self._store.mark_published([job.id for job in waiting])
            self._ring(lost)
            rung += len(lost)
            if len(found) < BATCH or self._stopped.is_set() or self._clock() >= end or not self._leads():
                break
        vanished = [job for job in lost_messages.vanished() if job.id not in seen]
        self._ring(vanished)
        rung += len(vanished)
        if rung:
            log.info("rang for %d jobs that had no message: lost, handed back, or due for another attempt", rung)
        return rung

    def _ring(self, lost: Sequence[Job]) -> None:
        """Customers who wait come first. What is bulk goes in envelopes, as it came; but one of a dead worker's jobs
        may be its killer, and takes no company with it."""
        if not lost:
            return
        reasons: dict[str, Why] = {job.id: why_rung(job) for job in lost}
        counted: Counter[Why] = Counter(reasons.values())
        bulk = [job for job in lost if job.priority is Priority.BULK and reasons[job.id] != "worker_gone"]
        enveloped = {job.id for job in bulk}
        single = [job for job in lost if job.id not in enveloped]
        self._bell.ring(sorted(single, key=lambda job: job.priority.rank))
        self._bell.ring(bulk, envelope=True)
        self._store.tell(
            {job_id: (NewNote("rung_again", {"why": why}),) for job_id, why in reasons.items() if why != "due"}
        )
        for reason, jobs in counted.items():
            self._on_rung(reason, jobs)

    def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            swept = self._store.sweep(result_ttl_s=self._settings.result_ttl_s)
            if swept.jobs:
                log.info("%d finished jobs were older than result_ttl_s and are deleted", swept.jobs)
            if swept.payload_refs:
                self._on_payloads(swept.payload_refs)

    def _loop(self) -> None:
        while not self._stopped.wait(self._settings.reconcile_s):
            try:
                self.tick()
            except Unavailable as error:
                log.warning("can't look for lost jobs now: %s; again in %g s", error, self._settings.reconcile_s)
            except Exception:
                log.exception("the reconciler met an error of our own; again in %g s", self._settings.reconcile_s)
