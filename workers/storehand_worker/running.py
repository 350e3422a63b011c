"""One job in hand: its row, its context, its time limits, and who may write how it ended."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storehand.job import Job, NewNote, Outcome
from storehand_worker.context import JobContext
from storehand_worker.stream import EventStream

MOST_NOTES = 10
"""A broker that comes and goes would fill the history."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after a job's start: `soft_s` asks it to stop, `hard_s` gives it up. Infinite where there is none."""

    soft_s: float = math.inf
    hard_s: float = math.inf


class Running:
    """A claimed job while a thread works on it.

    The thread, the watcher and the drain may all want to end it: whoever gets True from `take` writes the end.
    """

    def __init__(
        self,
        job: Job,
        context: JobContext,
        stream: EventStream,
        *,
        limits: Limits,
        on_give_up: Callable[[Outcome], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job = job
        self.context = context
        self.stream = stream
        self.limits = limits
        self.on_give_up = on_give_up
        self.started_at = math.inf  # it is claimed, but no thread has begun with it
        self.given_up_at: float | None = None
        self._clock = clock
        self.notes: list[NewNote] = []
        self._taken = False
        self._lock = threading.Lock()
        self.has_left = False  # the thread is out of the task's code

    def begin(self) -> None:
        """A thread is about to enter the task's code: the time limits count from here."""
        self.started_at = self._clock()

    def take(self) -> bool:
        """True for the first caller only."""
        with self._lock:
            first, self._taken = not self._taken, True
        return first

    @property
    def is_taken(self) -> bool:
        return self._taken

    def note(self, what: str, **data: Any) -> None:
        """For the job's history, written where its end is."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(NewNote(what, data))

    def leave(self) -> None:
        """The thread is out of the task's code."""
        self.has_left = True
