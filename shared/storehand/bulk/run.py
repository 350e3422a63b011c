"""A bulk run: read, submit, collect, write; a bounded number of rows between the first and the last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from storehand.bulk.flight import Flight
from storehand.bulk.formats import Form, reason_of
from storehand.bulk.output import Output
from storehand.bulk.plan import Plan
from storehand.bulk.rejects import Rejects
from storehand.bulk.tally import Tally
from storehand.bulk.texts import coverage_of, tokens_of
from storehand.bulk.unit import Kept, Rejected, Unit
from storehand.errors import Throttled, Unavailable
from storehand.job import Job, Outcome, Status

T = TypeVar("T")

CHUNK = 128
"""Rows submitted in one transaction; four envelopes of the default size."""

_PATIENCE_S = 0.5
_SILENCE_S = 5.0
_SILENCE_AGAIN_S = 60.0
_AWAY_S = 120.0
"""How long the job store may be away before the run gives up; it can be resumed."""

SUCCEEDED = str(Status.SUCCEEDED)
KEPT = "kept"
"""In the ledger: a row that needed no job."""


class Watcher(Protocol):
    """Who is told how it goes."""

    def show(self, tally: Tally) -> None: ...

    def say(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run behaves. `strict`: the first bad row stops it."""

    in_flight: int = 512
    in_order: bool = False
    strict: bool = False
    retry_failed: bool = False
    cancel_on_interrupt: bool = False
    start_hint: str = "storehand worker"


class Run:
    """`stop()` says that the user wants to leave: nothing more is submitted, what has come is written."""

    def __init__(
        self, plan: Plan, output: Output, form: Form, flight: Flight, *, rejects: Rejects, terms: Terms,
        watcher: Watcher, stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._output = output
        self._form = form
        self._flight = flight
        self._rejects = rejects
        self._terms = terms
        self._watcher = watcher
        self._stop = stop
        self._pending: list[Unit] = []
        self._order: deque[int] = deque()
        self._held: dict[int, tuple[Unit, Job, Outcome] | Kept] = {}
        self._silent_since = time.monotonic()
        self._silence_s = _SILENCE_S
        self._chunk = max(1, min(CHUNK, terms.in_flight // 2))
        self.tally = Tally(total=plan.total())

    def go(self) -> Tally:
        if self._output.is_empty and self._form.head:
            self._output.head(self._form.head)
        for each in self._plan.units():
            if self._leaves():
                break
            if isinstance(each, Rejected):
                self._reject(each)
            elif isinstance(each, Kept):
                self._keep(each)
            elif (unit := self._wanted(each)) is not None:
                self._pending.append(unit)
                if self._terms.in_order:
                    self._order.append(unit.row)
                self._top_up()
            self._watcher.show(self.tally)
        self._finish()
        return self.tally

    def _leaves(self) -> bool:
        if self._stop():
            self.tally.stopped = "interrupted"
        return bool(self.tally.stopped)

    def _reject(self, rejected: Rejected) -> None:
        self._rejects.add(rejected)
        self.tally.rejected += 1
        if self._terms.strict:
            self.tally.stopped = "strict"
            what = "; ".join(map(str, rejected.problems))
            self._watcher.say(f"row {rejected.row} is bad and --strict stops here: {what}")

    def _keep(self, kept: Kept) -> None:
        if self._output.ledger.take(kept.digest) is not None:
            return
        if self._order:  # only if answers come in order: this row has its place among them
            self._order.append(kept.row)
            self._held[kept.row] = kept
            self._top_up()
        else:
            self._write_kept(kept)

    def _write_kept(self, kept: Kept) -> None:
        self._output.add(self._form.kept(kept.cells), digest=kept.digest, row=kept.row, status=KEPT, tries=0)

    def _wanted(self, unit: Unit) -> Unit | None:
        """The unit if it must be asked for; rows in the output count as found."""
        ledger = self._output.ledger
        known = ledger.take(unit.digest)
        if known is None:
            return unit
        if known.status != SUCCEEDED and self._terms.retry_failed:
            ledger.replace(unit.digest, known.nth)
            ledger.try_again(unit.digest, known.tries + 1)
            return replace(unit, tries=known.tries + 1)
        self.tally.found += 1
        self.tally.found_failed += known.status != SUCCEEDED
        return None

    def _top_up(self) -> None:
        if len(self._pending) < self._chunk and len(self._held) < self._terms.in_flight:
            return
        while len(self._flight) and self._is_too_much() and not self._leaves():
            self._collect(_PATIENCE_S)
        if not self.tally.stopped:
            if self._pending:
                self._submit()
            self._collect(0.0)

    def _is_too_much(self) -> bool:
        return self._outstanding + len(self._pending) > self._terms.in_flight

    def _finish(self) -> None:
        """After the last row, or after the user's wish to leave."""
        if self.tally.stopped != "interrupted" and self._pending:
            self._submit()
        while self._outstanding and not (self._stop() or self.tally.stopped == "interrupted"):
            self._collect(_PATIENCE_S)
        if self._outstanding or self._stop():
            self.tally.stopped = self.tally.stopped or "interrupted"
            self._leave()
        self.tally.filled = self._plan.filled
        if not self.tally.stopped:
            self.tally.superseded = self._output.clean(unseen=self._plan.is_whole, by_row=self._terms.in_order)
        self.tally.notes.update(self._plan.notes)
        self._output.flush()
        self._watcher.show(self.tally)
        self.tally.ended = time.monotonic()

    def _leave(self) -> None:
        """Writes what has come; what is in flight goes on and is found again, or is cancelled."""
        self._collect(0.0)
        if self._terms.cancel_on_interrupt and len(self._flight):
            self._flight.cancel()

    @property
    def _outstanding(self) -> int:
        return len(self._flight) + len(self._held)

    @property
    def in_flight(self) -> int:
        return len(self._flight)

    def _submit(self) -> None:
        units, self._pending = self._pending, []
        self._patiently(lambda: self._flight.submit(units))

    def _collect(self, patience_s: float) -> None:
        answers = self._patiently(lambda: list(self._flight.ended(patience_s)))
        for answer in answers:
            if self._terms.in_order:
                self._held[answer[0].row] = answer
            else:
                self._write(*answer)
        while self._order and self._order[0] in self._held:
            held = self._held.pop(self._order.popleft())
            if isinstance(held, Kept):
                self._write_kept(held)
            else:
                self._write(*held)
        self._output.flush()
        self._mind_silence(bool(answers))
        self.tally.filled = self._plan.filled
        self._watcher.show(self.tally)

    def _write(self, unit: Unit, job: Job, outcome: Outcome) -> None:
        text = self._form.line(unit, job.id, outcome)
        self._output.add(text, digest=unit.digest, row=unit.row, status=str(outcome.status), tries=unit.tries)
        self.tally.done += 1
        if outcome.output is None:
            self.tally.fail(outcome.code, reason_of(outcome))
            return
        self.tally.tokens += tokens_of(outcome.output)
        coverage = coverage_of(job.task, outcome.output)
        if coverage is not None:
            self.tally.coverage_sum += coverage
            self.tally.coverage_n += 1

    def _mind_silence(self, has_answers: bool) -> None:
        """A queue without a worker looks like a slow one: the user is told once, then once a minute."""
        now = time.monotonic()
        if has_answers or not len(self._flight):
            self._silent_since, self._silence_s = now, _SILENCE_S
            return
        began = max(self._silent_since, self._flight.started_at or 0.0)
        if now - began >= self._silence_s:
            self._silence_s += _SILENCE_AGAIN_S
            self._watcher.say(
                f"none of {len(self._flight)} jobs has started for {now - began:.0f} s: workers are busy with others,"
                f" or none is running. Start one: {self._terms.start_hint}. The jobs wait; `storehand doctor` sees more"
            )

    def _patiently(self, action: Callable[[], T]) -> T:
        """Keys make everything safe to repeat, so a store that is away for a moment stops nothing."""
        end = time.monotonic() + _AWAY_S
        pause_s = 1.0
        while True:
            try:
                return action()
            except Throttled as error:
                if self._stop() or error.details.get("max_open_jobs") == 0:
                    raise
                wait_s = min(max(error.details["retry_after_s"], 0.1), 10.0)
                self._watcher.say(f"{error.message}; going on in {wait_s:.1f} s")
                time.sleep(wait_s)
                end = time.monotonic() + _AWAY_S
            except Unavailable as error:
                if time.monotonic() >= end or self._stop():
                    raise
                self._watcher.say(f"{error.message}; trying again in {pause_s:.0f} s")
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 10.0)
