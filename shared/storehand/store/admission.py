"""What a tenant may submit: the arithmetic and the refusals that all stores share. No clock here."""

from __future__ import annotations

import math

from storehand.errors import QuotaExceeded, RateLimited
from storehand.store import Limit

QUOTA_RETRY_S = 5.0
"""Nobody knows when an open job will end; this is a good time to look again."""

_ALMOST = 1e-3
"""Clocks in epoch seconds and shares of tokens are not exact to the last digit."""


def tokens_now(tokens: float, since_s: float, limit: Limit) -> float:
    """What a bucket holds that held `tokens` so long ago. A new bucket is full."""
    assert limit.jobs_per_s is not None
    return min(float(limit.burst), tokens + max(0.0, since_s) * limit.jobs_per_s)


def missing_tokens(tokens: float, jobs: int, limit: Limit) -> float:
    """0 when so many jobs may come now: then take them off, also below zero. More jobs than `burst` in one call need a
    full bucket and leave it in debt, so that the rate holds on average and no call is refused for ever."""
    missing = min(jobs, limit.burst) - tokens
    return missing if missing > _ALMOST else 0.0


def rate_limited(tenant: str, missing: float, limit: Limit) -> RateLimited:
    assert limit.jobs_per_s is not None
    wait_s = math.ceil(missing / limit.jobs_per_s * 1000) / 1000
    return RateLimited(
        f"tenant {tenant!r} may submit {limit.jobs_per_s:g} jobs/s, {limit.burst} at once; nothing was written, try"
        f" again in {wait_s:g} s",
        details={"tenant": tenant, "retry_after_s": wait_s, "jobs_per_s": limit.jobs_per_s, "burst": limit.burst},
    )


def quota_exceeded(tenant: str, open_jobs: int, jobs: int, limit: Limit) -> QuotaExceeded:
    return QuotaExceeded(
        f"tenant {tenant!r} has {open_jobs} open jobs and may have {limit.open_jobs}: {jobs} more is too many; nothing"
        " was written, try again when some have ended",
        details={
            "tenant": tenant,
            "retry_after_s": QUOTA_RETRY_S,
            "open_jobs": open_jobs,
            "max_open_jobs": limit.open_jobs,
        },
    )
