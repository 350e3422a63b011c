"""When a job that failed is tried again: what a task says, and what a shop's settings say over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """A job whose error is `retryable` comes again after a pause: `backoff_s`, twice as long each time, at most
    `backoff_max_s`. A remote engine that says when to come again (`Retry-After`) is not asked earlier.

    Bad input, a cancelled job and one that is out of time are never tried again, whatever `codes` says, and no pause
    ends after a job's deadline: such a job ends at once with its error.
    """

    max_attempts: int | None = None
    """Tries in all; none: the worker's setting `max_attempts`. 1 means never again."""
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    jitter: float = 0.5
    """A pause is up to this share shorter or longer, so that jobs that failed together do not come back together."""
    retry_after_max_s: float = 3600.0
    """A remote engine that asks for a longer pause has in fact refused the job."""
    codes: tuple[str, ...] = ()
    """Error codes that are tried again though they are not `retryable` by themselves, such as `plugin`."""

    def __post_init__(self) -> None:
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ValueError("max_attempts must be 1 or more")
        if min(self.backoff_s, self.backoff_max_s, self.retry_after_max_s) < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("pauses must not be negative, and jitter lies between 0 and 1")

    def changed_by(self, said: Mapping[str, Any]) -> RetryPolicy:
        """With these fields in place of its own."""
        return replace(self, **{each.name: said[each.name] for each in fields(self) if each.name in said})


class Retries(BaseModel):
    """What a shop says over a task's own RetryPolicy; what is left out stays the task's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: int = Field(default=5, ge=1, description="tries in all; 1: never again")
    backoff_s: float = Field(default=0.5, ge=0, description="first pause; twice as long each time")
    backoff_max_s: float = Field(default=60.0, ge=0, description="longest pause")
    jitter: float = Field(default=0.5, ge=0, le=1, description="share by which a pause may be shorter or longer")
    retry_after_max_s: float = Field(default=3600.0, ge=0, description="longest pause that a remote engine may ask for")
    codes: tuple[str, ...] = Field(default=(), description="error codes to try again besides the retryable ones")
