"""The worker's one watching thread: leases, cancel flags, deadlines, time limits, and threads that will not stop.

It works on while the event loop is busy reconnecting to the broker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from storehand.errors import Cancelled, JobStopped, TimeLimit, Unavailable
from storehand.job import NewNote, Outcome
from storehand.settings import Settings
from storehand.store import Finish, JobStore, Signal
from storehand_worker.counts import Count, uncounted
from storehand_worker.running import Running
from storehand_worker.settle import JobObserver
from storehand_worker.store_clock import StoreClock

log = logging.getLogger(__name__)

STUCK_S = 10.0
"""A thread still in a job this long after the job was given up does not stop any more."""


class Watcher:
    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        observers: JobObserver,
        *,
        owner: str,
        on_stuck: Callable[[int], None] = lambda stuck: None,
        on_tick: Callable[[], None] = lambda: None,
        count: Count = uncounted,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = StoreClock(store.now)
        self._store = store
        self._settings = settings
        self._observers = observers
        self._owner = owner
        self._on_stuck = on_stuck
        self._on_tick = on_tick
        self._count = count
        self._clock = clock
        self._in_hand: dict[int, Running] = {}
        self._given_up: list[Running] = []
        self._lock = threading.Lock()
        self._renewed_at = clock()
        self._seen = -1
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="storehand-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    @contextmanager
    def watching(self, running: Running) -> Iterator[None]:
        self.watch(running)
        try:
            yield
        finally:
            self.let_go(running)

    def watch(self, running: Running) -> None:
        """From its claim on, until it is let go."""
        with self._lock:
            self._in_hand[id(running)] = running

    def let_go(self, running: Running) -> None:
        with self._lock:
            self._in_hand.pop(id(running), None)

    def holds(self, job_id: str) -> bool:
        """Whether it is claimed here and has not ended."""
        with self._lock:
            return any(running.job.id == job_id for running in self._in_hand.values())

    @property
    def in_hand(self) -> int:
        """Jobs that are claimed and have not ended."""
        return len(self._in_hand)

    @property
    def stuck(self) -> int:
        """Threads that will not stop."""
        now = self._clock()
        return sum(each.given_up_at is not None and now - each.given_up_at >= STUCK_S for each in self._given_up)

    def tick(self) -> None:
        """Looks once at everything; called every `watch_s`."""
        with self._lock:
            in_hand = list(self._in_hand.values())
        for running in in_hand:
            self._watch_times(running)
        self._watch_rows(in_hand)
        for running in in_hand:
            self._watch_hard_limit(running)
        self._watch_given_up()

    def _loop(self) -> None:
        while not self._stopped.wait(self._settings.watch_s):
            try:
                self._on_tick()
                self.tick()
            except Unavailable as error:
                log.warning("the store is away (%s); jobs in hand go on, leases are renewed when it is back", error)
            except Exception:
                log.exception("the watcher met an error of our own; it looks again in %.2f s", self._settings.watch_s)

    def _watch_rows(self, in_hand: list[Running]) -> None:
        """Renews the leases and reads the flags: when anything was written since the last look, or it is time."""
        if not in_hand:
            return
        now, seen = self._clock(), self._store.changed(self._seen)
        if seen == self._seen and now - self._renewed_at < self._settings.lease_s / 3:
            return
        self.clock.refresh()
        by_id = {each.job.id: each for each in in_hand}
        for signal in self._store.renew(list(by_id), self._owner, self._settings.lease_s):
            if signal.job_id in by_id:
                self._heed(by_id[signal.job_id], signal)
        self._seen, self._renewed_at = seen, now  # only now: while the store is away every tick tries again

    def _heed(self, running: Running, signal: Signal) -> None:
        if signal.is_lost:
            if running.take():  # nothing may be written any more
                self._part_with(running)
        elif signal.cancel_requested:
            running.context.stop(Cancelled())

    def _part_with(self, running: Running) -> None:
        """The row has ended without us, as by a revoke, or another worker has it."""
        running.context.stop(JobStopped("the job is not this worker's any more"))
        job_id = running.job.id
        row = self._store.get([job_id]).get(job_id)
        if row is not None and not row.status.is_terminal:
            self._count("leases_lost")
            running.context.trace.event("lease_lost", code="lease_lost")
            log.warning(
                "job %s: its lease is lost; it stops here and no answer is written", job_id, extra={"job": running.job}
            )
            self._store.tell({job_id: (NewNote("lost_lease", {"owner": self._owner}),)})
        else:
            state = row.status if row else "gone"
            log.info("job %s: its row is %s already; it stops here", job_id, state, extra={"job": running.job})

    def _watch_times(self, running: Running) -> None:
        """Deadline and soft limit need no store: they are kept while it is away."""
        running.context.stop_if_overdue()
        if self._clock() - running.started_at >= running.limits.soft_s:
            error = TimeLimit(f"the soft limit of {running.limits.soft_s:g} s is over")
            if running.context.stop(error):
                about = {"job": running.job}
                log.warning("job %s: %s; it is asked to stop", running.job.id, error.message, extra=about)

    def _watch_hard_limit(self, running: Running) -> None:
        if self._clock() - running.started_at >= running.limits.hard_s and running.given_up_at is None:
            self._give_up(running)

    def _give_up(self, running: Running) -> None:
        """The caller gets an answer now, whatever the thread does."""
        outcome = Outcome.of_error(TimeLimit(f"the time limit of {running.limits.hard_s:g} s is over"))
        if running.is_taken:
            return
        finish = Finish(running.job.id, outcome, owner=self._owner, attempt=running.job.attempts)
        began = self._clock()
        [written] = self._store.finish([finish])
        if not written:  # or an earlier try was written, and its answer got lost with the connection
            row = self._store.get([running.job.id]).get(running.job.id)
            written = row is not None and row.outcome == outcome
        running.given_up_at = self._clock()
        self._given_up.append(running)
        if not written:
            running.context.stop(TimeLimit())
            return
        is_ours = running.take()  # else its thread has just come back: it finds the row ended, and asks what it says
        log.error(
            "job %s: the time limit of %g s is over; it is given up", running.job.id, running.limits.hard_s,
            extra={"job": running.job},
        )  # fmt: skip
        running.context.trace.stored(outcome, began=began)
        running.context.trace.end()  # its thread may never come back
        self._observers.on_job_done(replace(running.job, finished_at=self.clock()), outcome)
        if is_ours:
            running.on_give_up(outcome)
        running.context.stop(TimeLimit())

    def _watch_given_up(self) -> None:
        self._given_up = [each for each in self._given_up if not each.has_left]
        if self.stuck >= self._settings.stuck_limit:
            self._on_stuck(self.stuck)
