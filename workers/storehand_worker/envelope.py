"""The items of one message: claimed together, run by the crew, each stored as it ends; those that end together by one
write of the message's own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from storehand.job import Outcome
from storehand.store import Finish
from storehand_worker.crew import Crew
from storehand_worker.delivery import Parked
from storehand_worker.running import Running

log = logging.getLogger(__name__)

End = Outcome | Parked
Item = Callable[[], Running | End]
"""Makes sure that an item may start: its job as it runs now, or its end."""

GATHER_S = 0.005
MOST_GATHER_S = 0.05
"""Items that end so close together are written together, if it does not keep the first of them waiting for too long."""

OWN_ERROR_PAUSE_S = 1.0


class Host(Protocol):
    """The runner, as far as it is needed here."""

    def claim(self, job_ids: Sequence[str]) -> dict[str, Item]: ...

    def run(self, running: Running) -> Outcome: ...

    def ending(self, running: Running, outcome: Outcome) -> Finish: ...

    def write(self, endings: Sequence[tuple[Running, Finish]]) -> list[bool]: ...

    def let_go(self, running: Running) -> None: ...


class Envelope:
    """`answer` is called once, on the message's thread."""

    def __init__(self, job_ids: Sequence[str], host: Host, crew: Crew) -> None:
        self._host = host
        self._crew = crew
        self._unclaimed = deque(job_ids)
        self._items: deque[tuple[str, Item]] = deque()
        self._open = set(job_ids)
        self._ends: dict[str, End] = {}
        self._endings: list[tuple[Running, Finish]] = []
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._all_ran = threading.Event()
        self._stands_first = False

    def answer(self) -> dict[str, End]:
        """Every item's end; returns when the last is there."""
        self._crew.line_up(self)
        while self._open:
            pause_s = self._crew.grow() if self._stands_first else None
            if self._news.wait(pause_s):
                self._news.clear()
                if self._endings:
                    self._gather()
                    self._write()
        return self._ends

    def give_up(self, job_id: str, outcome: Outcome) -> None:
        """The watcher has answered for an item whose thread does not come back."""
        self._crew.replace_one()
        self._end(job_id, outcome)

    # For the crew.

    def next(self) -> Callable[[], None] | None:
        """The next item to run; claims more of them where there is none."""
        if not self._items and self._unclaimed:
            room = min(len(self._unclaimed), self._crew.size)
            self._items.extend(self._claim([self._unclaimed.popleft() for _ in range(room)]))
        if not self._items:
            self._stands_first = False
            return None
        job_id, item = self._items.popleft()
        return lambda: self._run(job_id, item)

    def is_first(self) -> None:
        self._stands_first = True
        self._news.set()

    def _claim(self, ids: Sequence[str]) -> list[tuple[str, Item]]:
        try:
            return list(self._host.claim(ids).items())
        except Exception:
            log.exception("%d jobs met an error of our own; they are tried again", len(ids))
            parked = Parked("error of our own", pause_s=OWN_ERROR_PAUSE_S)
            return [(job_id, lambda: parked) for job_id in ids]

    def _run(self, job_id: str, item: Item) -> None:
        """On an item thread."""
        try:
            started = item()
            if isinstance(started, Running):
                self._answer(started)
            else:
                self._end(job_id, started)
        except Parked as parked:
            self._end(job_id, parked)
        except Exception:
            log.exception("job %s met an error of our own; it is tried again", job_id)
            self._end(job_id, Parked("error of our own", pause_s=OWN_ERROR_PAUSE_S))

    def _answer(self, running: Running) -> None:
        try:
            ending = self._host.ending(running, self._host.run(running))
        except BaseException:
            self._host.let_go(running)
            raise
        with self._lock:
            self._endings.append((running, ending))
            is_news = len(self._endings) == 1
            is_last = len(self._endings) == len(self._open)
        if is_last:
            self._all_ran.set()
        if is_news:
            self._news.set()

    # On the message's thread.

    def _gather(self) -> None:
        """Returns when nothing more ends at the moment."""
        ended = 0
        until = time.monotonic() + MOST_GATHER_S
        while len(self._endings) > ended and time.monotonic() < until:
            ended = len(self._endings)
            if self._all_ran.wait(GATHER_S):
                return

    def _write(self) -> None:
        """What has ended since the last time: one write for all of it."""
        with self._lock:
            endings, self._endings = self._endings, []
        for (running, finish), is_written in zip(endings, self._written(endings), strict=True):
            self._host.let_go(running)
            lost = Parked("the job went to somebody else", pause_s=0.0)
            self._end(running.job.id, finish.outcome if is_written else lost)

    def _written(self, endings: Sequence[tuple[Running, Finish]]) -> list[bool]:
        try:
            return self._host.write(endings)
        except Exception:
            if len(endings) > 1:  # what one of them can't be written for is not the others' fault
                return [self._written([each])[0] for each in endings]
            log.exception("job %s met an error of our own; it is tried again", endings[0][0].job.id)
            return [False]

    def _end(self, job_id: str, end: End) -> None:
        """The first word about an item counts."""
        with self._lock:
            if job_id not in self._open:
                return
            self._ends[job_id] = end
            self._open.remove(job_id)
            if len(self._endings) < len(self._open):
                return
        self._all_ran.set()
        self._news.set()
