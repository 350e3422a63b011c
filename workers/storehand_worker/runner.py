"""The way of one job inside the worker: claim, validate, run, settle. Knows neither Celery nor the broker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from storehand.errors import JobNotFound, PayloadLost, Poison, Unavailable
from storehand.job import Job, NewJob, NewNote, Outcome, Priority
from storehand.payloads import open_payloads
from storehand.settings import Settings
from storehand.store import Claim, Claimed, JobStore
from storehand.task import Models, Task
from storehand.tenants import limits_of
from storehand_worker.context import JobContext
from storehand_worker.counts import Count, uncounted
from storehand_worker.crew import Crew
from storehand_worker.delivery import UNAVAILABLE_PAUSE_S, Delivery, Early, Parked
from storehand_worker.envelope import End, Envelope
from storehand_worker.gate import SuspectGate
from storehand_worker.job_trace import Tracer
from storehand_worker.log_lines import AboutJob
from storehand_worker.message import GiveUp, OneMessage
from storehand_worker.running import Running
from storehand_worker.settle import JobObserver, Settler
from storehand_worker.stream import EventPump
from storehand_worker.turnstile import Turnstile
from storehand_worker.watcher import Watcher
from storehand_worker.work import run_task

log = logging.getLogger(__name__)

HERE_PAUSE_S = 0.25
ELSEWHERE_PAUSE_S = 1.0
PAYLOAD_PAUSE_S = 5.0

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
        tracer: Tracer | None = None,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._models = models
        self._observers = observers
        self._settings = settings
        self._owner = owner
        self._watcher = watcher
        self._pump = pump
        self.gate = gate or SuspectGate()
        self._turnstile = turnstile or Turnstile(0)
        self.count = count
        self._tracer = tracer or Tracer()
        self._clock = watcher.clock
        self._payloads = open_payloads(settings)
        self._crew = Crew(settings.item_threads)
        self.settler = Settler(store, tasks, observers, settings, owner=owner, clock=watcher.clock, count=count)

    def admit(self, new_jobs: Sequence[NewJob]) -> list[Job]:
        """Rows for jobs that came without one; from here on they are guaranteed. RateLimited or QuotaExceeded for jobs
        of a tenant over its limit, Parked while the store is away."""
        try:
            return self._store.create(new_jobs, limits=limits_of(self._settings.tenant_limits, new_jobs))
        except Unavailable as error:
            raise Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S) from error

    def answer(self, job_id: str, delivery: Delivery) -> Outcome:
        """The job's outcome, by running it here or from its row. Leaves by Parked when there is none to be had now."""
        message = OneMessage(self, delivery, lambda job_id: delivery.on_give_up)
        running = message.claim([job_id])[job_id]()
        if isinstance(running, Outcome):
            return running
        if isinstance(running, Parked):
            raise running
        try:
            return self.settler.settle(running, message.run(running))
        finally:
            message.let_go(running)

    def answer_all(self, job_ids: Sequence[str], delivery: Delivery) -> dict[str, Outcome]:
        """The outcomes of an envelope's items, run side by side on threads of their own; those that are answered
        already are not run again. Leaves by Parked when items are left that can't be had now."""

        def give_up_of(job_id: str) -> GiveUp:
            return lambda outcome: envelope.give_up(job_id, outcome)

        message = OneMessage(self, delivery, give_up_of, before_wait=self._crew.step_aside)
        envelope = Envelope(job_ids, message, self._crew)
        ends = envelope.answer()
        left = [end for end in ends.values() if isinstance(end, Parked)]
        if left:
            raise min(left, key=lambda parked: (isinstance(parked, Early), parked.pause_s))
        return {job_id: end for job_id in job_ids if isinstance(end := ends[job_id], Outcome)}

    @property
    def busy(self) -> int:
        """Threads in an envelope's item."""
        return self._crew.busy

    def claim(self, job_ids: Sequence[str], *, max_deaths: int) -> list[Claim]:
        settings = self._settings
        self._tracer.mark()
        return self._store.claim(
            job_ids, self._owner, settings.lease_s, max_crashes=settings.max_crashes, max_deaths=max_deaths
        )

    def unclaimed(self, claim: Claim) -> End:
        """What a claim says of a job that is not ours to run."""
        job = claim.job
        if job is None:
            return Outcome.of_error(JobNotFound())
        if claim.result is Claimed.TERMINAL and job.outcome is not None:
            if claim.is_end:  # cancelled, expired or poison
                if job.outcome.code == Poison.code:
                    self.count("crashes")
                self._observers.on_job_done(job, job.outcome)
            return job.outcome
        now = self._clock()
        if claim.result is Claimed.EARLY:
            return Early("not due yet", pause_s=max(0.05, (job.not_before or now) - now))
        if claim.result is Claimed.HERE and (job.lease_until or now) <= now and not self._watcher.holds(job.id):
            return self._found_again(job)
        if claim.result is Claimed.HERE:
            return Parked("another message of this job runs here", pause_s=HERE_PAUSE_S)
        if claim.result is Claimed.SUSPECT:
            return Parked("it has to run among suspects", pause_s=0.0)
        left_s = (job.lease_until or now) - now
        return Parked("another worker runs it", pause_s=min(ELSEWHERE_PAUSE_S, max(0.1, left_s + 0.05)))

    def _found_again(self, job: Job) -> Parked:
        """It is ours by its row, and nobody here has it: its claim was written and the answer lost on the way. Its
        lease has run out, so no thread is between its claim and its run either: whoever is watched is renewed."""
        try:
            self._store.release([job.id], self._owner, note=NewNote("handed_back", {"reason": "claim_lost"}))
            self._store.mark_published([job.id])  # its message is in our hand
        except Unavailable as error:
            return Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S)
        log.warning(
            "job %s was claimed here and never begun, the store's answer was lost; it begins now", job.id,
            extra={"job": job},
        )  # fmt: skip
        return Parked("its claim was lost", pause_s=0.0)

    def begin(self, job: Job, delivery: Delivery, on_give_up: GiveUp, before_wait: Callable[[], None]) -> Running:
        """A job that is ours from now on; in everybody's sight until `let_go`."""
        trace = self._tracer.begin(job)
        if trace.traceparent is not None:
            job = replace(job, trace=trace.traceparent)  # for logs and observers: this attempt, no more the producer
        stream = self._pump.stream(job.id, job.attempts)
        place = self._turnstile.place(
            is_urgent=job.priority is Priority.INTERACTIVE, is_bulk=job.priority is Priority.BULK
        )
        context = JobContext(job, emit=stream.put, place=place, clock=self._clock, before_wait=before_wait, trace=trace)
        running = Running(job, context, stream, limits=delivery.limits, on_give_up=on_give_up)
        self._watcher.watch(running)
        delivery.hold(running)
        return running

    def run(self, running: Running) -> Outcome:
        """Returns when the thread is out of the task's code. Leaves by Parked while the job's input can't be read."""
        context = running.context
        running.begin()
        try:
            job = self._payloads.whole(running.job)
            with context.inside(), AboutJob(running.job), context.trace.inside():
                outcome = run_task(self._tasks.get(job.task), job, context, self._models)
            running.stream.flush()
            return outcome
        except PayloadLost as error:
            return Outcome.of_error(error)
        except Unavailable as error:
            self.settler.hand_back([running])
            log.warning(
                "job %s: %s; trying again in %.0f s", running.job.id, error.message, PAYLOAD_PAUSE_S,
                extra={"job": running.job},
            )  # fmt: skip
            raise Parked(error.message, pause_s=PAYLOAD_PAUSE_S) from error
        finally:
            running.leave()

    def let_go(self, running: Running, delivery: Delivery) -> None:
        running.leave()
        delivery.let_go(running)
        self._watcher.let_go(running)
        running.context.trace.end()
