"""The way of one job inside the worker: claim, validate, run, settle. Knows neither Celery nor the broker."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from storehand.errors import EngineError, EngineLost, JobNotFound, JobStopped, StorehandError, Unavailable
from storehand.job import Job, NewJob, Outcome, Priority, Status
from storehand.settings import Settings
from storehand.store import Claim, Claimed, Finish, JobStore
from storehand.task import Models, Task
from storehand_worker.context import JobContext
from storehand_worker.counts import Count, uncounted
from storehand_worker.delivery import Delivery, Early, Parked
from storehand_worker.ends import Ends
from storehand_worker.gate import SuspectGate
from storehand_worker.running import Running
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
LOST_PAUSE_S = 5.0
BACKOFF_S, BACKOFF_MAX_S = 0.5, 60.0

T = TypeVar("T")
ModelsOf = Callable[[JobContext, Task[Any, Any]], Models]


class JobObserver(Protocol):
    def on_job_done(self, job: Job, outcome: Outcome) -> None: ...


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
        self._items = Threads("storehand-item", settings.item_threads)

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

    def hand_back(self, running: Sequence[Running]) -> None:
        """Gives jobs that can't be finished here to whoever comes next: it costs them no attempt."""
        mine = [each for each in running if each.take()]
        ids = [each.job.id for each in mine]
        if not ids:
            return
        try:
            self._store.release(ids, self._owner)
            self._store.mark_published(ids)  # their message goes back to the broker, so nobody needs to ring
            self._count("handed_back", len(ids))
        except Unavailable as error:
            log.warning("%d jobs could not be handed back (%s); their leases run out in a moment", len(ids), error)
        for each in mine:
            each.context.stop(JobStopped("the worker leaves; the job goes to another one"))

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
            deaths = _deaths(before)
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
        now = time.time()
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
        context = JobContext(job, emit=stream.put, place=place)
        running = Running(job, context, stream, limits=delivery.limits, on_give_up=on_give_up)
        try:
            with self._watcher.watching(running), delivery.holding(running):
                with place.inside(context.attach):
                    outcome = run_task(self._tasks.get(job.task), job, context, self._models)
                stream.flush()
                return self._settle(running, outcome)
        finally:
            running.leave()

    def _settle(self, running: Running, outcome: Outcome) -> Outcome:
        job, error = running.job, outcome.error
        if not running.take():
            raise Parked("somebody else has written the end", pause_s=0.0)
        if error is not None and error.code == EngineLost.code:
            self._leave_to_others(job, is_suspect=bool(error.details.get("on_device")))
        if error is not None and error.retryable and job.attempts < self._settings.max_attempts:
            self._retry_later(job, error.exception())
        finish = Finish(job.id, outcome, owner=self._owner, attempt=job.attempts)
        [written] = _insist(lambda: self._store.finish([finish]), job)
        if not written:
            raise Parked("the job went to somebody else", pause_s=0.0)
        self._observers.on_job_done(job, outcome)
        return outcome

    def _leave_to_others(self, job: Job, *, is_suspect: bool) -> None:
        """The engine is lost, and this worker leaves. What was being computed keeps its lease: the next worker finds
        its owner dead and counts a crash, so that the killer is found among the suspects. The rest goes back at no
        cost."""
        if not is_suspect:
            _insist(lambda: self._store.release([job.id], self._owner), job)
            self._store.mark_published([job.id])  # its message goes back to the broker, so nobody needs to ring
            self._count("handed_back")
        raise Parked("the engine is lost; another worker answers", pause_s=LOST_PAUSE_S)

    def _retry_later(self, job: Job, error: StorehandError) -> None:
        pause_s = backoff_s(job.attempts)

        def release() -> None:
            not_before = self._store.now() + pause_s
            self._store.release([job.id], self._owner, not_before=not_before, count_attempt=True)

        _insist(release, job)
        level = logging.INFO if isinstance(error, EngineError) else logging.WARNING
        log.log(
            level,
            "job %s: attempt %d of %d ended with %s; trying again in %.1f s",
            job.id,
            job.attempts,
            self._settings.max_attempts,
            error.code,
            pause_s,
        )
        raise Early("waits for its next attempt", pause_s=pause_s)


def _deaths(row: Job | None) -> int:
    """How many workers died under it, with the one that the next claim will find dead."""
    if row is None:
        return 0
    has_lapsed = row.status is Status.RUNNING and row.lease_until is not None and row.lease_until <= time.time()
    return row.crashes + has_lapsed


def _insist(write: Callable[[], T], job: Job) -> T:
    """Writes how a job ended, however long the store is away: the answer is worth more than this thread."""
    while True:
        try:
            return write()
        except Unavailable as error:
            log.warning("job %s has ended, but the store is away (%s); trying again", job.id, error)
            time.sleep(UNAVAILABLE_PAUSE_S)


def backoff_s(attempt: int) -> float:
    """Twice as long each time, with jitter so that jobs that failed together do not come back together."""
    return min(BACKOFF_MAX_S, BACKOFF_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
