"""How a job's attempt ends here: its outcome is written, it comes again later, or it goes back for others to answer."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from storehand.errors import EngineError, EngineLost, JobStopped, Unavailable, error_class
from storehand.job import ErrorInfo, Job, NewNote, Outcome
from storehand.settings import Settings
from storehand.store import Finish, JobStore
from storehand.task import Task
from storehand_worker.counts import Count, uncounted
from storehand_worker.delivery import Early, Parked
from storehand_worker.retry import decide, policy_of, retry_after_s
from storehand_worker.running import Running
from storehand_worker.store_clock import StoreClock

log = logging.getLogger(__name__)

INSIST_S = 1.0
LOST_PAUSE_S = 5.0

T = TypeVar("T")


class JobObserver(Protocol):
    def on_job_done(self, job: Job, outcome: Outcome) -> None: ...


class Settler:
    """One for all threads of a worker. Whatever it writes, it writes once: by `Running.take` among the threads here,
    by owner and attempt among workers."""

    def __init__(
        self,
        store: JobStore,
        tasks: Mapping[str, Task[Any, Any]],
        observers: JobObserver,
        settings: Settings,
        *,
        owner: str,
        clock: StoreClock,
        count: Count = uncounted,
        rng: random.Random | None = None,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._observers = observers
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._count = count
        self._rng = rng or random.Random()  # noqa: S311  # no secret

    def settle(self, running: Running, outcome: Outcome) -> Outcome:
        """Writes the outcome and returns it. Leaves by Parked where it does not count, or is not the last word."""
        ending = self.ending(running, outcome)
        [is_written] = self.write([(running, ending)])
        if not is_written:
            raise Parked("the job went to somebody else", pause_s=0.0)
        return ending.outcome

    def ending(self, running: Running, outcome: Outcome) -> Finish:
        """What is to be written; nobody else writes an end from now on. Leaves by Parked as `settle` does."""
        job, error = running.job, outcome.error
        if not running.take():
            raise Parked("somebody else has written the end", pause_s=0.0)
        if error is not None:
            if error.code == EngineLost.code:
                self._leave_to_others(running, is_suspect=bool(error.details.get("on_device")))
            outcome = self._retried(running, outcome, error)
        notes = (*running.notes, *running.context.calls.notes())
        return Finish(job.id, outcome, owner=self._owner, attempt=job.attempts, notes=notes)

    def write(self, endings: Sequence[tuple[Running, Finish]]) -> list[bool]:
        """One write for jobs that end together; False for those that have gone to somebody else."""
        began = time.monotonic()
        written = self._written([finish for _, finish in endings])
        now = self._clock()
        for (running, finish), is_written in zip(endings, written, strict=True):
            if is_written:
                running.context.trace.stored(finish.outcome, began=began)
                self._observers.on_job_done(replace(running.job, finished_at=now), finish.outcome)
        return written

    def hand_back(self, running: Sequence[Running], *, message_returns: bool = True) -> None:
        """Gives jobs that can't be finished here to whoever comes next: it costs them no attempt, and whoever reads
        their streams is told that they begin anew. `message_returns`: the broker gives their message to others, so
        nobody needs to ring."""
        mine = [each for each in running if each.take()]
        ids = [each.job.id for each in mine]
        if not ids:
            return
        for each in mine:  # before the store is asked: meanwhile their threads may end, and their spans with them
            each.context.trace.event("handed_back")
        try:
            self._store.release(ids, self._owner, note=NewNote("handed_back", {"owner": self._owner}))
            if message_returns:
                self._store.mark_published(ids)
            self._count("handed_back", len(ids))
        except Unavailable as error:
            log.warning("%d jobs could not be handed back (%s); their leases run out in a moment", len(ids), error)
        for each in mine:
            each.context.stop(JobStopped("the worker leaves; the job goes to another one"))

    def _written(self, finishes: Sequence[Finish]) -> list[bool]:
        """A write that failed may have been written all the same, its answer lost with the connection: then the row
        says what we meant."""
        tries = 0

        def write() -> list[bool]:
            nonlocal tries
            tries += 1
            written = self._store.finish(finishes)
            if tries == 1 or all(written):
                return written
            rows = self._store.get([each.job_id for each in finishes])
            return [
                is_written or _says(rows.get(finish.job_id), finish)
                for finish, is_written in zip(finishes, written, strict=True)
            ]

        return _insist(write, finishes[0].job_id)

    def _retried(self, running: Running, outcome: Outcome, error: ErrorInfo) -> Outcome:
        """Leaves by Early if the job comes again; else the outcome, which says why not where that is worth saying."""
        job = running.job
        policy = policy_of(self._tasks.get(job.task), job.task, self._settings)
        decision = decide(
            error, attempts=job.attempts, policy=policy, deadline=job.deadline, now=self._clock(), rng=self._rng
        )
        if decision.pause_s is not None:
            self._retry_later(running, error, decision.pause_s)
        if decision.why == "final":
            return outcome
        return replace(outcome, error=replace(error, details={**error.details, "gave_up": decision.why}))

    def _retry_later(self, running: Running, error: ErrorInfo, pause_s: float) -> None:
        job = running.job
        data = {"code": error.code, "attempt": job.attempts, "pause_s": round(pause_s, 3)}
        if asked_s := retry_after_s(error):
            data["retry_after_s"] = round(asked_s, 3)

        def release() -> None:
            not_before = self._store.now() + pause_s
            note = NewNote("retried", data)
            self._store.release([job.id], self._owner, not_before=not_before, count_attempt=True, note=note)

        _insist(release, job.id)
        self._count("retried")
        running.context.trace.event("retried", code=error.code, pause_s=round(pause_s, 3))
        level = logging.INFO if issubclass(error_class(error.code), EngineError) else logging.WARNING
        log.log(
            level, "job %s: attempt %d ended with %s; trying again in %.1f s",
            job.id, job.attempts, error.code, pause_s, extra={"job": job},
        )  # fmt: skip
        raise Early("waits for its next attempt", pause_s=pause_s)

    def _leave_to_others(self, running: Running, *, is_suspect: bool) -> None:
        """The engine is lost, and this worker leaves. What was being computed keeps its lease: the next worker finds
        its owner dead and counts a crash, so that the killer is found among the suspects. The rest goes back at no
        cost."""
        job = running.job
        if not is_suspect:
            note = NewNote("handed_back", {"owner": self._owner, "code": EngineLost.code})
            _insist(lambda: self._store.release([job.id], self._owner, note=note), job.id)
            self._store.mark_published([job.id])  # its message goes back to the broker, so nobody needs to ring
            self._count("handed_back")
        running.context.trace.event("engine_lost", code=EngineLost.code)
        raise Parked("the engine is lost; another worker answers", pause_s=LOST_PAUSE_S)


def _says(row: Job | None, finish: Finish) -> bool:
    return row is not None and row.attempts == finish.attempt and row.outcome == finish.outcome


def _insist(write: Callable[[], T], job_id: str) -> T:
    """Writes how a job ended, however long the store is away: the answer is worth more than this thread. A lease that
    ran out meanwhile is no reason to give up: the write counts as long as nobody else has claimed the job, and is
    refused if somebody has."""
    while True:
        try:
            return write()
        except Unavailable as error:
            log.warning("job %s has ended, but the store is away (%s); trying again", job_id, error)
            time.sleep(INSIST_S)
