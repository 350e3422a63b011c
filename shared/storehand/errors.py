"""The errors of Storehand, one tree; each class carries the `code` that travels to the caller and labels metrics.

StorehandError                  internal
├── SettingsError               settings             a setting is missing or contradicts another one
├── InvalidInput                invalid_input        the payload does not fit the task's contract; never retried
│   ├── UnknownTask             unknown_task         no enabled plugin brings this task
│   ├── PayloadTooLarge         payload_too_large    over `payload_max_bytes`
│   └── MalformedMessage        malformed_message    a broker message that is no job
│       └── Unsigned            unsigned             no key of ours has signed it
├── IdempotencyConflict         idempotency_conflict same key, other input
├── JobNotFound                 job_not_found        no such row (never created, or its time to live is over)
├── PayloadLost                 payload_lost         the input that lay outside the store is gone or damaged
├── NotReady                    not_ready            `result(timeout=…)` ran out; the job goes on
├── JobStopped                                       a job that ended without an output
│   ├── Cancelled               cancelled            by its owner, or revoked
│   ├── Expired                 expired              its deadline passed
│   ├── TimeLimit               time_limit           soft or hard limit of the worker
│   ├── Poison                  poison               it took its worker down too often
│   └── Erased                  erased               its content was deleted on request
├── Throttled                                        admission refused; nothing was written
│   ├── RateLimited             rate_limited         the tenant submits faster than it may
│   └── QuotaExceeded           quota_exceeded       the tenant has as many open jobs as it may
├── EngineError                 engine               a model could not answer
│   ├── Overloaded              overloaded           admission refused: the lane is full; try again
│   ├── OutOfMemory             out_of_memory        this request alone does not fit
│   ├── EngineLost              engine_lost          the device or the engine's thread is lost; another worker answers
│   └── ModelNotAvailable       model_not_available  role not bound, files missing, wrong kind
├── PluginError                 plugin               a plugin broke its contract or raised
└── Unavailable                 unavailable          broker or store can't be reached; try again
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class StorehandError(Exception):
    """Root of the tree. `details` is JSON-ready and travels with the code."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or self.code).strip())
        self.details: dict[str, Any] = dict(details or {})

    @property
    def message(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:  # `details` is keyword-only, which the default does not survive
        return _rebuild, (type(self), self.message, self.details)


def _rebuild(cls: type[StorehandError], message: str, details: dict[str, Any]) -> StorehandError:
    return cls(message, details=details)


class SettingsError(StorehandError):
    """A setting is missing or contradicts another one."""

    code = "settings"


class InvalidInput(StorehandError):
    """The payload does not fit the task's contract."""

    code = "invalid_input"


class UnknownTask(InvalidInput):
    """No enabled plugin brings this task."""

    code = "unknown_task"


class PayloadTooLarge(InvalidInput):
    """The payload is over the limit."""

    code = "payload_too_large"


class MalformedMessage(InvalidInput):
    """The broker message is no job."""

    code = "malformed_message"


class Unsigned(MalformedMessage):
    """No key of signing_keys has signed the message."""

    code = "unsigned"


class IdempotencyConflict(StorehandError):
    """The idempotency key was used before with another input."""

    code = "idempotency_conflict"


class JobNotFound(StorehandError):
    """There is no such job; it was never created or its time to live is over."""

    code = "job_not_found"


class PayloadLost(StorehandError):
    """The input that lay outside the store is gone or damaged."""

    code = "payload_lost"


class NotReady(StorehandError, TimeoutError):
    """The wait ran out; the job goes on."""

    code = "not_ready"
    retryable = True


class JobStopped(StorehandError):
    """The job ended without an output."""

    code = "stopped"


class Cancelled(JobStopped):
    """The job was cancelled."""

    code = "cancelled"


class Expired(JobStopped):
    """The job's deadline passed."""

    code = "expired"


class TimeLimit(JobStopped):
    """The job ran into the worker's time limit."""

    code = "time_limit"


class Poison(JobStopped):
    """The job took its worker down too often and lies in the dead letters."""

    code = "poison"


class Erased(JobStopped):
    """The job's content was deleted on request."""

    code = "erased"


class Throttled(StorehandError):
    """Admission refused; nothing was written. `details["retry_after_s"]` says when it makes sense to try again."""

    code = "throttled"
    retryable = True


class RateLimited(Throttled):
    """The tenant submits faster than it may; nothing was written."""

    code = "rate_limited"


class QuotaExceeded(Throttled):
    """The tenant has as many open jobs as it may; nothing was written."""

    code = "quota_exceeded"


class EngineError(StorehandError):
    """The model could not answer."""

    code = "engine"
    retryable = True


class Overloaded(EngineError):
    """The lane before the engine is full; try again later."""

    code = "overloaded"


class OutOfMemory(EngineError):
    """This request alone does not fit into the device's memory."""

    code = "out_of_memory"
    retryable = False


class EngineLost(EngineError):
    """The engine is lost with its device or its thread; its worker leaves, and another one answers.

    `details["on_device"]` is true for requests that were being computed then: one of them may be the reason.
    """

    code = "engine_lost"


class ModelNotAvailable(EngineError):
    """The model role is not bound, or its files are missing or of the wrong kind."""

    code = "model_not_available"
    retryable = False


class PluginError(StorehandError):
    """The plugin raised, or broke its contract."""

    code = "plugin"


class Unavailable(StorehandError):
    """Broker or store can't be reached; try again."""

    code = "unavailable"
    retryable = True


def _tree(cls: type[StorehandError]) -> dict[str, type[StorehandError]]:
    found = {cls.code: cls}
    for child in cls.__subclasses__():
        found |= _tree(child)
    return found


def error_class(code: str) -> type[StorehandError]:
    """The class with this code; `StorehandError` itself for a code this version does not know."""
    return _tree(StorehandError).get(code, StorehandError)


class StopJob(BaseException):
    """Carries a JobStopped through plugin code; no StorehandError, so that `except Exception` can't swallow it."""

    def __init__(self, error: JobStopped) -> None:
        super().__init__(error.message)
        self.error = error
