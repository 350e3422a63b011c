"""The job store: the truth about every job. The broker is only the doorbell.

Batch first: all calls take lists, and a store groups the commits of callers that come at the same time. Leases are
judged by the store's clock. A terminal outcome is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from storehand.errors import SettingsError
from storehand.job import Event, EventKind, Job, NewJob, Outcome, Status

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays


class Claimed(StrEnum):
    """What a claim found."""

    MINE = "mine"  # go: the row is `running` under this owner and attempt
    HERE = "here"  # this very owner already runs it: join
    ELSEWHERE = "elsewhere"  # another owner holds a live lease: park, ask again later
    TERMINAL = "terminal"  # answered (also: cancelled, expired or poison, decided by this very claim)
    EARLY = "early"  # `not_before` lies ahead
    MISSING = "missing"  # no such row


@dataclass(frozen=True, slots=True)
class Claim:
    """`job` is the row after the claim; none only for MISSING. `is_end`: this very claim has ended it."""

    result: Claimed
    job: Job | None
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """A terminal outcome. With `owner` and `attempt` it counts only while that claim holds; without (discards, poison,
    cancel of a queued job) while the row is not terminal."""

    job_id: str
    outcome: Outcome
    owner: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """What the watcher learns about a job in hand."""

    job_id: str
    is_lost: bool  # the lease went to somebody else, or the row is terminal or gone
    cancel_requested: bool
    deadline: float | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    kind: EventKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is no job, or a job that was poison. `body` is the message as it came, for looking at."""

    id: int
    queue: str
    reason: str
    at: float
    job_id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class StoreStats:
    by_status: Mapping[Status, int]
    oldest_queued_age_s: float | None
    dead_letters: int


class JobStore(Protocol):
    """Safe for many threads and, where the medium allows it, many processes. Raises Unavailable when it can't be
    reached."""

    def now(self) -> float:
        """The store's clock, epoch seconds."""
        ...

    def attend(self, owner: str) -> None:
        """From now on, until close, the death of this process ends this owner's leases at once where the medium can
        tell; elsewhere they run out. A process that hangs is judged by its leases. Not for two processes at a time."""
        ...

    def create(self, jobs: Sequence[NewJob]) -> list[Job]:
        """Writes `queued` rows; all or none. A job whose id, or whose (tenant, task, idempotency key), exists already
        returns that first row; with another input: IdempotencyConflict."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, Job]:
        """The rows that exist."""
        ...

    def find(
        self, *, statuses: Iterable[Status] = (), task: str | None = None, tenant: str | None = None, limit: int = 50
    ) -> list[Job]:
        """Newest first."""
        ...

    def mark_published(self, ids: Sequence[str], *, at: float | None = None) -> None:
        """Their message is at the broker. `at`, by this store's clock, is when publishing began: a row that was claimed
        or handed back since then stays as it is."""
        ...

    def claim(self, ids: Sequence[str], owner: str, lease_s: float, *, max_crashes: int) -> list[Claim]:
        """Compare-and-set, in order of `ids`. A row whose lease ended counts a crash; over `max_crashes` it ends as
        poison (and a dead letter). A cancelled or overdue row ends there. A mine-claim raises `attempts` by one."""
        ...

    def renew(self, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
        """Prolongs the leases that still hold and reads the flags of all."""
        ...

    def release(
        self, ids: Sequence[str], owner: str, *, not_before: float | None = None, count_attempt: bool = False
    ) -> None:
        """Hands jobs back in order: `queued` again and unpublished, so that the reconciler rings at once;
        the attempt is taken back unless `count_attempt` (a retry)."""
        ...

    def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        """Writes terminal outcomes, each with an END event; False where the row was terminal already or the claim
        no longer held."""
        ...

    def request_cancel(self, ids: Sequence[str]) -> dict[str, Status]:
        """A queued job ends at once, a running one is flagged for its worker; returns the status after the call."""
        ...

    def append(self, job_id: str, attempt: int, events: Sequence[NewEvent]) -> int:
        """Adds streamed events; returns the last sequence number."""
        ...

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]: ...

    def changed(self, since: int) -> int:
        """A number that differs from `since` after any write by anybody: cheap enough to poll every few ms."""
        ...

    def unrung(self, *, grace_s: float, limit: int = 500) -> list[Job]:
        """Rows that need a message: queued, due, and never published for `grace_s`, or handed back, or waited for
        their `not_before`; published but unclaimed for a long time (100 x grace_s); running with a lease that ran
        out `grace_s` ago, or whose owner is known to be dead."""
        ...

    def expire_overdue(self) -> list[Job]:
        """Ends queued jobs whose deadline passed; returns them as they ended."""
        ...

    def bury(self, *, queue: str, reason: str, body: str, job_id: str | None = None) -> None:
        """Keeps a malformed message or a poison job for people to look at."""
        ...

    def dead_letters(self, limit: int = 50) -> list[DeadLetter]: ...

    def sweep(self, *, result_ttl_s: float) -> int:
        """Deletes finished jobs, their events and dead letters older than that; returns how many jobs."""
        ...

    def lead(self, owner: str, lease_s: float) -> bool:
        """True for the one owner that may reconcile now."""
        ...

    def stats(self) -> StoreStats: ...

    def close(self) -> None: ...


def open_store(settings: Settings) -> JobStore:
    """The store `store_url` names."""
    url = settings.store_url.get_secret_value()
    scheme, _, path = url.partition("://")
    if scheme == "sqlite":
        from storehand.store.sqlite import SqliteStore

        return SqliteStore(path, synchronous=settings.synchronous)
    raise SettingsError(f"store_url has the scheme {scheme!r}; this version knows sqlite:///path/to/jobs.db")
