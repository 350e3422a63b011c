"""Counts what became of every promise. Two witnesses: the store, looked at each second, and the ledger of the tasks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from storehand import Client
from storehand.errors import Unavailable
from storehand.job import EventKind, Job, Status
from tests.chaos.load import Promised

T = TypeVar("T")

LOOK_S = 1.0


@dataclass(frozen=True)
class Recovery:
    """Seconds from the end of a fault: until the next answer, and until all jobs that were in hand when it began had
    theirs, which may have waited behind a queue."""

    next_s: float
    in_hand_s: float


@dataclass(frozen=True)
class Verdict:
    jobs: int
    lost: tuple[str, ...]
    """No answer, or no row any more."""
    twice: tuple[str, ...]
    """Two answers: two END events, or an answer that changed after somebody had seen it."""
    wrong: tuple[str, ...]
    """Another answer than such a job can have, with the answer."""
    again: int
    """Jobs that a task began more than once."""
    recovered: tuple[Recovery, ...]
    """After each fault."""
    slowest_submit_s: float
    refused: int
    unknown: int
    notes: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.wrong or self.notes)


@dataclass
class Fault:
    """`in_hand`: what ran when it began; `healed_at` by the store's clock."""

    name: str
    in_hand: list[str]
    healed_at: float | None = None


class Witness:
    """A context manager: looks at the store every second through a client that no fault touches."""

    def __init__(self, client: Client, promised: Promised) -> None:
        self._client = client
        self._promised = promised
        self._first: dict[str, Job] = {}
        self._changed: set[str] = set()
        self.faults: list[Fault] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="witness", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(30)

    @property
    def answered(self) -> int:
        return len(self._first)

    @property
    def open(self) -> int:
        return len(self._promised.ends) - len(self._first)

    def began(self, name: str) -> Fault:
        """A fault begins."""
        running = self._surely(lambda: self._client.store.find(statuses=[Status.RUNNING], limit=2000), give_up_s=3)
        fault = Fault(name, [job.id for job in running or ()])
        self.faults.append(fault)
        return fault

    def healed(self) -> None:
        """All faults are over."""
        now = time.time()
        for fault in self.faults:
            if fault.healed_at is None:
                fault.healed_at = now

    def verdict(self, starts: Counter[str], *, notes: Sequence[str] = ()) -> Verdict:
        ends = self._promised.ends
        rows: dict[str, Job] = {}
        for chunk in _chunked(list(ends)):
            rows |= self._surely(lambda chunk=chunk: self._client.store.get(chunk)) or {}  # type: ignore[misc]  # bound by its default
        lost = [each for each in ends if each not in rows or not rows[each].status.is_terminal]
        changed = {
            each for each, first in self._first.items() if each in rows and _answer(rows[each]) != _answer(first)
        }
        twice = self._changed | changed | {each for each in rows if self._count_ends(each) > 1}
        wrong = [
            f"{each} {row.outcome.code}"
            for each, row in rows.items()
            if row.outcome is not None and row.outcome.code not in ends[each]
        ]
        stands = [_as_it_stands(each, rows.get(each)) for each in lost]
        again = sum(count > 1 for count in starts.values())
        return Verdict(
            len(ends), tuple(stands), tuple(sorted(twice)), tuple(wrong), again,
            tuple(self._recovered(rows)), self._promised.slowest_s, self._promised.refused, self._promised.unknown,
            tuple(notes) + ((f"{self._promised.other_id} keys with two jobs",) if self._promised.other_id else ()),
        )  # fmt: skip

    def _recovered(self, rows: dict[str, Job]) -> list[Recovery]:
        found = []
        ends = sorted(row.finished_at for row in rows.values() if row.finished_at is not None)
        for fault in self.faults:
            if (healed_at := fault.healed_at) is None:
                continue
            last = max((rows[each].finished_at or 0.0 for each in fault.in_hand if each in rows), default=healed_at)
            next_one = next((at for at in ends if at > healed_at), healed_at)
            found.append(Recovery(next_one - healed_at, max(0.0, last - healed_at)))
        return found

    def _count_ends(self, job_id: str) -> int:
        events = self._surely(lambda: self._client.store.events(job_id)) or []
        return sum(event.kind is EventKind.END for event in events)

    def _loop(self) -> None:
        while not self._stopped.wait(LOOK_S):
            try:
                self.look()
            except Unavailable:
                continue

    def look(self) -> None:
        """Once at all that had no answer yet."""
        for chunk in _chunked([each for each in list(self._promised.ends) if each not in self._first]):
            for job in self._client.store.get(chunk).values():
                if job.status.is_terminal:
                    first = self._first.setdefault(job.id, job)
                    if _answer(first) != _answer(job):
                        self._changed.add(job.id)

    def _surely(self, ask: Callable[[], T], *, give_up_s: float = 60.0) -> T | None:
        end = time.monotonic() + give_up_s
        while True:
            try:
                return ask()
            except Unavailable:
                if time.monotonic() > end:
                    return None
                time.sleep(0.2)  # the store is away: asked again, until give_up_s


def _as_it_stands(job_id: str, job: Job | None) -> str:
    """For whoever looks for the reason."""
    if job is None:
        return f"{job_id} has no row"
    seconds = {
        name: round(at - job.created_at, 1)
        for name in ("published_at", "started_at", "lease_until", "updated_at", "not_before")
        if (at := getattr(job, name)) is not None
    }
    counts = f"attempts {job.attempts} crashes {job.crashes}"
    return f"{job_id} {job.status} {job.priority} {counts} {job.owner or ''} {seconds}"


def _answer(job: Job) -> tuple[Any, ...]:
    return job.status, job.finished_at, job.outcome


def _chunked(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + 500] for start in range(0, len(ids), 500)]
