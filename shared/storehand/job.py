"""A job as it travels: what is asked, where it stands, how it ended. All frozen."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from storehand.errors import Erased, StorehandError, error_class

WIRE_VERSION = 1
"""Version of rows and messages; readers accept this one and the one before."""


class Priority(StrEnum):
    """How urgent a job is. Numbers mean opposite things on Redis and RabbitMQ, so there are none."""

    INTERACTIVE = "interactive"
    STANDARD = "standard"
    BULK = "bulk"

    @property
    def rank(self) -> int:
        """0 is served first."""
        return (Priority.INTERACTIVE, Priority.STANDARD, Priority.BULK).index(self)


class Status(StrEnum):
    """Where a job stands. The last four are terminal and written once."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        return self not in (Status.QUEUED, Status.RUNNING)


TERMINAL: tuple[Status, ...] = tuple(status for status in Status if status.is_terminal)


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error in transit."""

    code: str
    message: str
    retryable: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: StorehandError) -> ErrorInfo:
        return cls(error.code, error.message, error.retryable, error.details)

    def exception(self) -> StorehandError:
        """The exception a caller sees."""
        return error_class(self.code)(self.message, details=dict(self.details))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: an output, or an error with its code."""

    status: Status
    output: Mapping[str, Any] | None = None
    error: ErrorInfo | None = None

    @classmethod
    def succeeded(cls, output: Mapping[str, Any]) -> Outcome:
        return cls(Status.SUCCEEDED, output=output)

    @classmethod
    def of_error(cls, error: StorehandError) -> Outcome:
        """The outcome an error means: `cancelled` and `expired` are states of their own, all else is `failed`."""
        by_code = {"cancelled": Status.CANCELLED, "expired": Status.EXPIRED}
        return cls(by_code.get(error.code, Status.FAILED), error=ErrorInfo.of(error))

    @classmethod
    def erased(cls, status: Status) -> Outcome:
        """What is left of a job's outcome once its content was deleted on request."""
        return cls(status, error=ErrorInfo.of(Erased()))

    @property
    def code(self) -> str:
        """`ok` or the error's code: the label of the outcome metric."""
        return "ok" if self.error is None else self.error.code

    def unwrap(self) -> Mapping[str, Any]:
        """The output; raises the error of a job that has none."""
        if self.error is not None:
            raise self.error.exception()
        assert self.output is not None
        return self.output


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a producer asks for. Times are epoch seconds."""

    task: str
    input: Mapping[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tenant: str = "default"
    priority: Priority = Priority.STANDARD
    idempotency_key: str | None = None
    not_before: float | None = None
    deadline: float | None = None
    parent: str | None = None
    batch: str | None = None
    experiment: str | None = None
    trace: str | None = None
    payload_ref: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the whole input's canonical JSON, where `input` is not the whole because it lies at `payload_ref`."""
    subject: str | None = None
    """Whom the personal data in it is about, as an id that means nothing outside the shop: `erase` finds it by that."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the job store. Times are epoch seconds by the store's clock.

    `attempts` counts claims that were not handed back in order; `crashes` counts claims whose worker died.
    """

    id: str
    task: str
    input: Mapping[str, Any]
    status: Status
    tenant: str
    priority: Priority
    idempotency_key: str | None
    created_at: float
    updated_at: float
    published_at: float | None
    not_before: float | None
    deadline: float | None
    attempts: int
    crashes: int
    owner: str | None
    lease_until: float | None
    cancel_requested_at: float | None
    started_at: float | None
    finished_at: float | None
    outcome: Outcome | None
    batch: str | None = None
    parent: str | None = None
    experiment: str | None = None
    trace: str | None = None
    payload_ref: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class NewNote:
    """Something that happened to a job and that no column says. `what` is a word in the past tense; `data` is
    JSON-ready and holds nothing of the job's content."""

    what: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A NewNote with its time, by the store's clock."""

    at: float
    what: str
    data: Mapping[str, Any]


class EventKind(StrEnum):
    """`delta` adds text, `snapshot` replaces all before it, `progress` informs, `end` is the last one."""

    DELTA = "delta"
    SNAPSHOT = "snapshot"
    PROGRESS = "progress"
    END = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """A streamed piece of an answer; `seq` rises by one within a job, a new `attempt` starts the text anew."""

    job_id: str
    seq: int
    attempt: int
    kind: EventKind
    data: Mapping[str, Any]
    at: float
