"""What a job store says of itself: dead letters, counts, what a sweep has deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storehand.job import Priority, Status


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is no job, or a job that was poison. `body` is the message as it came, for looking at."""

    id: int
    queue: str
    reason: str
    at: float
    job_id: str | None
    body: str
    task: str | None = None
    """The Celery task name the message had, where it had one."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    by_status: Mapping[Status, int]
    oldest_queued_age_s: float | None
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The jobs of one task at one priority: how many stand where now, and what has been counted so far.

    Jobs may be counted twice or not at all by a crash of the store itself; the promises rest on rows, not on these.
    """

    task: str
    priority: Priority
    waiting: int = 0
    """Queued and due."""
    scheduled: int = 0
    """Queued and not yet due: `not_before`, or the pause before another try."""
    running: int = 0
    """Claimed and not ended, whether the worker lives or not."""
    oldest_due_at: float | None = None
    """Since when the oldest of `waiting` could have begun: it was submitted or handed back then, or its `not_before` or
    its pause was over. Store time."""
    submitted: int = 0
    """Rows created; only grows."""
    finished: int = 0
    """Jobs that ended while they were claimed; only grows."""
    busy_s: float = 0.0
    """Seconds from each claim until the job ended or was handed back: `busy_s / finished` is what a job costs in slot
    seconds, its retries included. Of a job that was cancelled in a later attempt only what came after that."""


UPKEEP_GRACE_S = 10.0
MOST_UNRUNG = 1000


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Who reconciles, and what it has before it."""

    leader: str | None
    """None where the lead has run out: nobody reconciles."""
    unrung: int
    """Jobs that need a message and have none, as `unrung` finds them with UPKEEP_GRACE_S; up to `most_unrung`."""
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has deleted: so many jobs, and what their large inputs were stored under."""

    jobs: int
    payload_refs: tuple[str, ...] = ()
