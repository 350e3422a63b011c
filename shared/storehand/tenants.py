"""What each tenant may submit: the setting, and what of it concerns some jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from storehand.job import NewJob
from storehand.store import NO_LIMITS, Limit

ANYONE = "*"


class TenantLimit(BaseModel):
    """What one tenant may submit. Left out: as much as it likes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs_per_s: float | None = Field(default=None, gt=0, description="jobs per second on average")
    burst: int = Field(default=100, ge=1, description="jobs that may come at once before jobs_per_s holds")
    open_jobs: int | None = Field(default=None, ge=0, description="jobs queued or running at a time; 0 shuts it out")


def limits_of(configured: Mapping[str, TenantLimit], jobs: Iterable[NewJob]) -> Mapping[str, Limit]:
    """The limits of the tenants of these jobs; `*` stands for every tenant that is not named, each by itself."""
    if not configured:
        return NO_LIMITS
    tenants = {job.tenant: configured.get(job.tenant) or configured.get(ANYONE) for job in jobs}
    return {
        tenant: Limit(limit.jobs_per_s, limit.burst, limit.open_jobs)
        for tenant, limit in tenants.items()
        if limit is not None
    }


def jobs_at_once(configured: Mapping[str, TenantLimit], tenant: str, *, most: int) -> int:
    """How many jobs of this tenant to submit in one call, so that it can be admitted."""
    limit = configured.get(tenant) or configured.get(ANYONE)
    if limit is None:
        return most
    by_rate = most if limit.jobs_per_s is None else limit.burst
    return max(1, min(most, by_rate, most if limit.open_jobs is None else limit.open_jobs))
