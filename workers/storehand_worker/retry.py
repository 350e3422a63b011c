"""Whether a job that failed is tried again, and when. Pure: no clock, no store."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from storehand.errors import InvalidInput, JobStopped, error_class
from storehand.job import ErrorInfo
from storehand.retry import RetryPolicy
from storehand.settings import Settings
from storehand.task import Task

Why = Literal["again", "final", "attempts", "deadline", "retry_after"]

RETRY_AFTER_SPREAD = 0.1
"""Who was told the same `Retry-After` does not come back in the same moment, and nobody too early."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`pause_s` until the next attempt, or none and why there is none: the code is `final`, the `attempts` are spent,
    the pause would end after the `deadline`, or the remote engine asks for a longer one than the policy allows."""

    pause_s: float | None
    why: Why


def decide(
    error: ErrorInfo,
    *,
    attempts: int,
    policy: RetryPolicy,
    deadline: float | None,
    now: float,
    rng: random.Random,
) -> Decision:
    """After attempt number `attempts`. `deadline` and `now` are of the same clock."""
    if not _may_come_again(error, policy):
        return Decision(None, "final")
    if attempts >= (policy.max_attempts or 1):
        return Decision(None, "attempts")
    asked_s = retry_after_s(error)
    if asked_s > policy.retry_after_max_s:
        return Decision(None, "retry_after")
    pause_s = max(
        backoff_s(attempts, policy, rng),
        asked_s * rng.uniform(1.0, 1.0 + RETRY_AFTER_SPREAD),
    )
    if deadline is not None and now + pause_s >= deadline:
        return Decision(None, "deadline")
    return Decision(pause_s, "again")


def backoff_s(attempt: int, policy: RetryPolicy, rng: random.Random) -> float:
    """Twice as long each time."""
    doubled = min(policy.backoff_max_s, policy.backoff_s * 2.0 ** min(attempt - 1, 60))
    return doubled * rng.uniform(1.0 - policy.jitter, 1.0 + policy.jitter)


def retry_after_s(error: ErrorInfo) -> float:
    """The pause that whoever refused has asked for; 0 where it said nothing sensible."""
    said = error.details.get("retry_after_s")
    return max(0.0, float(said)) if isinstance(said, int | float) and not isinstance(said, bool) else 0.0


def policy_of(task: Task[Any, Any] | None, name: str, settings: Settings) -> RetryPolicy:
    """The task's own, changed by what the settings say for it; `max_attempts` is filled in."""
    own = RetryPolicy() if task is None else task.retry
    said: Mapping[str, Any] = settings.retries[name].model_dump(exclude_unset=True) if name in settings.retries else {}
    policy = own.changed_by(said)
    return policy if policy.max_attempts is not None else policy.changed_by({"max_attempts": settings.max_attempts})


def _may_come_again(error: ErrorInfo, policy: RetryPolicy) -> bool:
    if issubclass(error_class(error.code), InvalidInput | JobStopped):
        return False
    return error.retryable or error.code in policy.codes
