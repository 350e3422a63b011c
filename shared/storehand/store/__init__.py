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
from storehand.job import Event, EventKind, Job, NewJob, NewNote, Note, Outcome, Status
from storehand.store.state import MOST_UNRUNG, DeadLetter, StoreStats, Swept, Tally, Upkeep

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

__all__ = [
    "HISTORY_NOTES", "NO_LIMITS", "Claim", "Claimed", "DeadLetter", "Finish", "JobStore", "Limit", "NewEvent", "Signal",
    "StoreStats", "Swept", "Tally", "Upkeep", "open_store",
]  # fmt: skip


class Claimed(StrEnum):
    """What a claim found."""

    MINE = "mine"  # go: the row is `running` under this owner and attempt
    HERE = "here"  # this very owner already runs it: join
    ELSEWHERE = "elsewhere"  # another owner holds a live lease: park, ask again later
    TERMINAL = "terminal"  # answered (also: cancelled, expired or poison, decided by this very claim)
    EARLY = "early"  # `not_before` lies ahead
    SUSPECT = "suspect"  # more workers died under it than the caller wants now: the row is as it was
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
    notes: tuple[NewNote, ...] = ()
    """What this attempt adds to the job's history, written where the outcome is."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one tenant may submit; None: as much as it likes. Open jobs are judged first. A bucket starts full; a call
    of more jobs than `burst` needs a full one and leaves it in debt (store/admission.py has the arithmetic)."""

    jobs_per_s: float | None = None
    burst: int = 100
    """Jobs that may come at once before `jobs_per_s` holds."""
    open_jobs: int | None = None
    """Jobs that are queued or running at a time."""


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


NO_LIMITS: Mapping[str, Limit] = {}

HISTORY_NOTES = 200
"""Most notes kept per job."""


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

    def create(self, jobs: Sequence[NewJob], *, limits: Mapping[str, Limit] = NO_LIMITS) -> list[Job]:
        """Writes `queued` rows; all or none. A job whose id, or whose (tenant, task, idempotency key), exists already
        returns that first row; with another input: IdempotencyConflict. `limits` by tenant, judged and counted here:
        RateLimited or QuotaExceeded; rows that exist already cost nothing."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, Job]:
        """The rows that exist."""
        ...

    def find(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Newest first."""
        ...

    def mark_published(self, ids: Sequence[str], *, at: float | None = None) -> None:
        """Their message is at the broker. `at`, by this store's clock, is when publishing began: a row that was claimed
        or handed back since then stays as it is."""
        ...

    def claim(
        self, ids: Sequence[str], owner: str, lease_s: float, *, max_crashes: int, max_deaths: int | None = None
    ) -> list[Claim]:
        """Compare-and-set, in order of `ids`. A row whose lease ended counts a crash; over `max_crashes` it ends as
        poison (and a dead letter). A cancelled or overdue row ends there. A mine-claim raises `attempts` by one.

        With `max_deaths` a row that would be MINE with more crashes than that (the one this claim would count
        included) is SUSPECT instead; nothing is written, and `job` is the row as it stands."""
        ...

    def renew(self, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
        """Prolongs the leases that still hold and reads the flags of all."""
        ...

    def release(
        self,
        ids: Sequence[str],
        owner: str,
        *,
        not_before: float | None = None,
        count_attempt: bool = False,
        note: NewNote | None = None,
    ) -> None:
        """Hands jobs back in order: `queued` again and unpublished, so that the reconciler rings at once;
        the attempt is taken back unless `count_attempt` (a retry). `note` goes into the history of each; its stream,
        if it has one, begins anew by a SNAPSHOT of "" whose data also carry the note's `what` as `reason`."""
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

    def changed(self, since: int, ids: Sequence[str] | None = None) -> int:
        """A number that differs from `since` after an end or an event of these jobs, by anybody: cheap enough to poll
        every few ms. It may differ for less: then you look in vain. Without `ids` it is for a worker: at least every
        cancel changes it, and when others end or take over what was running. The first call with an id begins to
        listen, so call before you read."""
        ...

    def tell(self, notes: Mapping[str, Sequence[NewNote]]) -> None:
        """Adds to the histories of jobs, by job id; ids without a row are passed over."""
        ...

    def history(self, job_id: str) -> list[Note]:
        """What happened to a job beside what its columns say, oldest first: claims (`claimed`, with owner and
        attempt), crashes found (`crashed`, with the dead owner), cancels (`cancel_requested`), and the notes of
        `release`, `finish` and `tell`. At most HISTORY_NOTES; of a longer one the middle is dropped."""
        ...

    def erase(self, ids: Sequence[str]) -> dict[str, Status]:
        """Removes personal data: input, output, events, dead letters, subject and idempotency key go; the row, its
        times and its status stay, with the error code `erased` as outcome, so that a late message does not run it
        again. Queued jobs end as cancelled first; running ones are asked to stop and are not erased yet: call again.
        Returns the status of each job that exists, after the call."""
        ...

    def unrung(self, *, grace_s: float, limit: int = 500) -> list[Job]:
        """Rows that need a message: queued, due, and never published for `grace_s`, or handed back, or waited for
        their `not_before`; published but unclaimed for a long time (100 x grace_s); running with a lease that ran
        out `grace_s` ago, or whose owner is known to be dead."""
        ...

    def expire_overdue(self) -> list[Job]:
        """Ends queued jobs whose deadline passed; returns them as they ended."""
        ...

    def bury(self, *, queue: str, reason: str, body: str, job_id: str | None = None, task: str | None = None) -> None:
        """Keeps a malformed message or a poison job for people to look at."""
        ...

    def dead_letters(self, limit: int = 50, *, ids: Sequence[int] | None = None) -> list[DeadLetter]:
        """Newest first; of these ids only, where some are given."""
        ...

    def drop_dead(self, ids: Sequence[int] | None = None) -> int:
        """Deletes dead letters, all of them without `ids`; returns how many."""
        ...

    def sweep(self, *, result_ttl_s: float) -> Swept:
        """Deletes finished jobs, their events and dead letters older than that."""
        ...

    def lead(self, owner: str, lease_s: float) -> bool:
        """True for the one owner that may reconcile now."""
        ...

    def stats(self) -> StoreStats: ...

    def tallies(self) -> list[Tally]:
        """One per task and priority that the store has ever seen. Asked every few seconds beside full load and with a
        million rows waiting, so its cost must not grow with them."""
        ...

    def upkeep(self, *, most_unrung: int = MOST_UNRUNG) -> Upkeep:
        """With `most_unrung=0` nothing is counted but dead letters: the other may have to look at all open jobs."""
        ...

    def close(self) -> None: ...


def open_store(settings: Settings) -> JobStore:
    """The store `store_url` names."""
    url = settings.store_url.get_secret_value()
    scheme, _, path = url.partition("://")
    if scheme == "sqlite":
        from storehand.store.sqlite import SqliteStore

        return SqliteStore(path, synchronous=settings.synchronous)
    if scheme in ("redis", "rediss", "sentinel", "redis+socket", "unix"):
        from storehand.store.redis import RedisStore, Tls

        tls = Tls(settings.store_ca_file, settings.store_cert_file, settings.store_key_file)
        return RedisStore(url, prefix=settings.queue_prefix, tls=tls)
    if scheme in ("postgresql", "postgres"):
        return _postgres_store(url, settings)
    raise SettingsError(
        f"store_url has the scheme {scheme!r}; this version knows sqlite:///path/to/jobs.db, redis://host:6379/1,"
        " rediss://, sentinel:// and postgresql://user@host/database"
    )


def _postgres_store(url: str, settings: Settings) -> JobStore:
    try:
        from storehand.store.postgres import PostgresStore
    except ImportError as error:
        raise SettingsError(
            f"store_url needs the PostgreSQL driver: pip install 'storehand[postgres]' ({error})"
        ) from None

    return PostgresStore(
        url,
        schema=settings.queue_prefix,
        ca_file=settings.store_ca_file,
        cert_file=settings.store_cert_file,
        key_file=settings.store_key_file,
    )
