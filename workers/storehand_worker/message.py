"""The jobs of one message: claimed with one call, each begun or parked when its turn comes, let go after its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from storehand.errors import Unavailable
from storehand.job import Job, Outcome, Status
from storehand.store import Claim, Claimed
from storehand_worker.delivery import UNAVAILABLE_PAUSE_S, Delivery, Parked
from storehand_worker.envelope import End, Item
from storehand_worker.running import Running

if TYPE_CHECKING:
    from storehand_worker.runner import JobRunner

GATE_PAUSE_S = 0.2

AMONG_THEMSELVES = "jobs that may kill the worker run among themselves"

GiveUp = Callable[[Outcome], None]


class OneMessage:
    """The jobs of one message on their way: `claim` says what there is to run, `run` and `let_go` follow."""

    def __init__(
        self,
        runner: JobRunner,
        delivery: Delivery,
        give_up_of: Callable[[str], GiveUp],
        *,
        before_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self._runner = runner
        self._delivery = delivery
        self._give_up_of = give_up_of
        self._before_wait = before_wait
        self.run = runner.run
        self.ending = runner.settler.ending
        self.write = runner.settler.write

    def claim(self, job_ids: Sequence[str]) -> dict[str, Item]:
        """One call to the store. Jobs under which a worker died are claimed when they are about to start."""
        gate = self._runner.gate
        if self._delivery.is_closed:
            return dict.fromkeys(job_ids, _already(Parked("the worker leaves", pause_s=GATE_PAUSE_S)))
        if not gate.enter(deaths=0, jobs=len(job_ids)):
            return dict.fromkeys(job_ids, _already(Parked(AMONG_THEMSELVES, pause_s=GATE_PAUSE_S)))
        found: dict[str, Item] = {}
        ours = 0
        try:
            for job_id, claim in zip(job_ids, self._runner.claim(job_ids, max_deaths=0), strict=True):
                found[job_id] = self._item(claim)
                ours += claim.result is Claimed.MINE
        except Unavailable as error:
            return dict.fromkeys(job_ids, _already(Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S)))
        finally:
            gate.leave(deaths=0, jobs=len(job_ids) - ours)
        return found

    def let_go(self, running: Running) -> None:
        self._runner.let_go(running, self._delivery)
        self._runner.gate.leave(deaths=running.job.crashes)

    def _item(self, claim: Claim) -> Item:
        job = claim.job
        if claim.result is Claimed.SUSPECT and job is not None:
            return lambda: self._suspect(job)
        if claim.result is not Claimed.MINE or job is None:
            return _already(self._runner.unclaimed(claim))
        running = self._begin(job)
        return lambda: self._ready(running)

    def _begin(self, job: Job) -> Running:
        return self._runner.begin(job, self._delivery, self._give_up_of(job.id), self._before_wait)

    def _ready(self, running: Running) -> Running | End:
        """Jobs that are claimed and not begun when the worker leaves are others' to answer."""
        if not self._delivery.is_closed or running.context.stop_error is not None:
            return running
        self._runner.settler.hand_back([running])
        self.let_go(running)
        return Parked("the worker leaves", pause_s=GATE_PAUSE_S)

    def _suspect(self, row: Job) -> Running | End:
        """Claims a job under which workers died, where there is a place for it among its like."""
        deaths = row.crashes + (row.status is Status.RUNNING)  # its lease has ended, or its worker is known to be dead
        gate = self._runner.gate
        if self._delivery.is_closed or not gate.enter(deaths=deaths):
            return Parked(AMONG_THEMSELVES, pause_s=GATE_PAUSE_S)
        running: Running | None = None
        try:
            [claim] = self._runner.claim([row.id], max_deaths=deaths)
            if claim.job is not None and claim.job.crashes > row.crashes:
                self._runner.count("crashes")
            if claim.result is not Claimed.MINE or claim.job is None:
                return self._runner.unclaimed(claim)
            running = self._begin(claim.job)
            return running
        except Unavailable as error:
            return Parked(error.message, pause_s=UNAVAILABLE_PAUSE_S)
        finally:
            if running is None:
                gate.leave(deaths=deaths)


def _already(end: End) -> Item:
    return lambda: end
