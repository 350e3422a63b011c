"""The way of one job inside the worker: claim, validate, run, settle. Knows neither Celery nor the broker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storehand.errors import JobNotFound, Unavailable
from storehand.job import Job, NewJob, Outcome, Priority, Status
from storehand.settings import Settings
from storehand.store import Claim, Claimed, JobStore
from storehand.task import Models, Task
from storehand_worker.context import JobContext
from storehand_worker.counts import Count, uncounted
from storehand_worker.delivery import Delivery, Early, Parked
from storehand_worker.ends import Ends
from storehand_worker.gate import SuspectGate
from storehand_worker.running import Running
from storehand_worker.settle import JobObserver, Settler
from storehand_worker.stream import EventPump
from storehand_worker.threads import Threads
from storehand_worker.turnstile import Turnstile
from storehand_worker.watcher import Watcher
from storehand_worker.work import run_task

log = logging.getLogger(__name__)

GATE_PAUSE_S = 0.2
HERE_PAUSE_S = 0.25
ELSEWHERE_PAUSE_S = 1.0
UNAVAILABLE_PAUSE_S = 1.0

ModelsOf = Callable[[JobContext, Task[Any, Any]], Models]


class JobRunner:
    """Answers jobs. One for all threads of a worker."""

    def __init__(
        self,
        store: JobStore,
        tasks: Mapping[str, Task[Any, Any]],
        models: ModelsOf,
        observers: JobObserver,
        settings: Settings,
        *,
        owner: str,
        watcher: Watcher,
        pump: EventPump,
        gate: SuspectGate | None = None,
        turnstile: Turnstile | None = None,
        count: Count = uncounted,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._models = models
        self._observers = observers
        self._settings = settings
        self._owner = owner
        self._watcher = watcher
        self._pump = pump
        self._gate = gate or SuspectGate()
        self._turnstile = turnstile or Turnstile(0)
        self._count = count
        self._clock = watcher.clock
        self._items = Threads("storehand-item", settings.item_threads)
        self.settler = Settler(store, tasks, observers, settings, owner=owner, clock=watcher.clock, count=count)

    def admit(self, new_jobs: Sequence[NewJob]) -> list[Job]:
        """Rows for jobs that came without one; from here on they are guaranteed. Parked while the store is away."""
        try:
            return self._store.create(new_jobs)
        except Unavailable as error:
            raise Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S) from error

    def answer(self, job_id: str, delivery: Delivery) -> Outcome:
        """The job's outcome, by running it here or from its row. Leaves by Parked when there is none to be had now."""
        return self._answer(job_id, delivery, None, on_give_up=delivery.on_give_up)

    def answer_all(self, job_ids: Sequence[str], delivery: Delivery) -> dict[str, Outcome]:
        """The outcomes of an envelope's items, run side by side on threads of their own; those that are answered
        already are not run again. Leaves by Parked when items are left that can't be had now."""
        rows = self._rows(job_ids)
        answered = {job_id: job.outcome for job_id, job in rows.items() if job.outcome is not None}
        ids = [job_id for job_id in job_ids if job_id not in answered]
        items = Ends[Outcome | Parked](ids)
        for job_id in ids:
            self._start_item(job_id, delivery, rows.get(job_id), items)
        ends = items.wait()
        left = [end for end in ends.values() if isinstance(end, Parked)]
        if left:
            raise min(left, key=lambda parked: (isinstance(parked, Early), parked.pause_s))
        return answered | {job_id: end for job_id, end in ends.items() if isinstance(end, Outcome)}

    @property
    def busy(self) -> int:
        """Threads in an envelope's item."""
        return self._items.busy

    def _start_item(self, job_id: str, delivery: Delivery, row: Job | None, ends: Ends[Outcome | Parked]) -> None:
        def give_up(outcome: Outcome) -> None:
            self._items.replace_one()
            ends.put(job_id, outcome)

        def work() -> None:
            end: Outcome | Parked
            try:
                end = self._answer(job_id, delivery, row, on_give_up=give_up)
            except Parked as parked:
                end = parked
            except Exception:
                log.exception("job %s met an error of our own; it is tried again", job_id)
                end = Parked("error of our own", pause_s=UNAVAILABLE_PAUSE_S)
            ends.put(job_id, end)

        self._items.submit(work)

    def _answer(
        self, job_id: str, delivery: Delivery, row: Job | None, *, on_give_up: Callable[[Outcome], None]
    ) -> Outcome:
        """`row` as it was a moment ago, if somebody has read it: the claim decides, it is for the gate only."""
        if delivery.is_closed:
            raise Parked("the worker leaves", pause_s=GATE_PAUSE_S)
        try:
            before = row or self._rows([job_id]).get(job_id)
            if before is not None and before.outcome is not None:
                return before.outcome
            deaths = _deaths(before, self._clock)
            with self._gate.place(deaths=deaths) as may_start:
                if not may_start:
                    raise Parked("jobs that may kill the worker run among themselves", pause_s=GATE_PAUSE_S)
                claim = self._claim(job_id)
                if before is not None and claim.job is not None and claim.job.crashes > before.crashes:
                    self._count("crashes")
                if claim.result is Claimed.MINE and claim.job is not None:
                    if claim.job.crashes > deaths:  # this very claim has found its worker dead
                        self._store.release([job_id], self._owner)
                        self._store.mark_published([job_id])  # its message is in our hand
                        raise Parked("it has to run among suspects", pause_s=0.0)
                    return self._run(claim.job, delivery, on_give_up)
        except Unavailable as error:
            raise Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S) from error
        return self._unclaimed(claim)

    def _rows(self, job_ids: Sequence[str]) -> dict[str, Job]:
        return self._store.get(job_ids)

    def _claim(self, job_id: str) -> Claim:
        settings = self._settings
        return self._store.claim([job_id], self._owner, settings.lease_s, max_crashes=settings.max_crashes)[0]

    def _unclaimed(self, claim: Claim) -> Outcome:
        job = claim.job
        if job is None:
            return Outcome.of_error(JobNotFound())
        if claim.result is Claimed.TERMINAL and job.outcome is not None:
            if claim.is_end:  # cancelled, expired or poison
                self._observers.on_job_done(job, job.outcome)
            return job.outcome
        now = self._clock()
        if claim.result is Claimed.EARLY:
            raise Early("not due yet", pause_s=max(0.05, (job.not_before or now) - now))
        if claim.result is Claimed.HERE:
            raise Parked("another message of this job runs here", pause_s=HERE_PAUSE_S)
        left_s = (job.lease_until or now) - now
        raise Parked("another worker runs it", pause_s=min(ELSEWHERE_PAUSE_S, max(0.1, left_s + 0.05)))

    def _run(self, job: Job, delivery: Delivery, on_give_up: Callable[[Outcome], None]) -> Outcome:
        stream = self._pump.stream(job.id, job.attempts)
        place = self._turnstile.place(
            is_urgent=job.priority is Priority.INTERACTIVE, is_bulk=job.priority is Priority.BULK
        )
        context = JobContext(job, emit=stream.put, place=place, clock=self._clock)
        running = Running(job, context, stream, limits=delivery.limits, on_give_up=on_give_up)
        try:
            with self._watcher.watching(running), delivery.holding(running):
                with place.inside(context.attach):
                    outcome = run_task(self._tasks.get(job.task), job, context, self._models)
                stream.flush()
                return self.settler.settle(running, outcome)
        finally:
            running.leave()


def _deaths(row: Job | None, now: Callable[[], float]) -> int:
    """How many workers died under it, with the one that the next claim will find dead."""
    if row is None:
        return 0
    has_lapsed = row.status is Status.RUNNING and row.lease_until is not None and row.lease_until <= now()
    return row.crashes + has_lapsed
