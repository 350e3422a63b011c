"""What a shop promises for a pool of workers that are alike, and what they can do: the setting `pools`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, model_validator

from storehand.job import Priority

WAIT_OBJECTIVE_S: Mapping[Priority, float] = {
    Priority.INTERACTIVE: 10.0,
    Priority.STANDARD: 60.0,
    Priority.BULK: 3600.0,
}
"""A job should start so soon after it is due."""

CATCH_UP_SHARE = 1 / 3
"""Of the wait objective: a backlog is to be gone by then, so that what comes last still starts in time."""

CATCH_UP_COLD_STARTS = 0.5
"""But not shorter than half a cold start: workers that are asked for come after one, and what would end the backlog in
5 s comes too late and too many (docs/scaling.md: 18 instead of 10 worker-hours, for 1 of 100 jobs)."""

LEAST_CATCH_UP_S = 5.0
"""Metrics are read every few seconds; a shorter aim would follow their noise."""


def _complete(said: object) -> object:
    return {**WAIT_OBJECTIVE_S, **said} if isinstance(said, Mapping) else said


WaitObjective = Annotated[dict[Priority, PositiveFloat], BeforeValidator(_complete)]
"""Seconds by priority; a priority that is left out keeps its default."""


class Pool(BaseModel):
    """Workers that are alike: same plugins, same machine, one autoscaler."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    families: tuple[str, ...] = Field(description="model families whose queues it serves, as in the setting queues")
    slots: int = Field(
        default=32,
        ge=1,
        description="jobs that one worker works on side by side: its engine's slots, not its concurrency",
    )
    utilization: float = Field(default=0.75, gt=0, le=1, description="share of the slots that arrivals may fill")
    wait_objective_s: WaitObjective = Field(
        default_factory=lambda: dict(WAIT_OBJECTIVE_S), description="priority -> a job should start within this"
    )
    objective: float = Field(default=0.99, gt=0, lt=1, description="share of jobs that must start in time and not fail")
    catch_up_s: float | None = Field(
        default=None,
        gt=0,
        description="time to work off interactive and standard backlog; default: wait / 3, but half a cold start",
    )
    service_hint_s: float = Field(
        default=1.0, gt=0, description="seconds a job takes in a slot, until some have been measured"
    )
    cold_start_s: float = Field(default=120.0, ge=0, description="from a pod's creation until it serves")
    min_workers: int = Field(default=1, ge=0, description="least workers")
    max_workers: int = Field(default=4, ge=1, description="most workers")

    @model_validator(mode="after")
    def _in_order(self) -> Pool:
        if not self.families:
            raise ValueError("a pool serves at least one family")
        if self.min_workers > self.max_workers:
            raise ValueError("min_workers must not be over max_workers")
        return self

    def catch_up(self, priority: Priority) -> float:
        """Seconds in which a backlog of this priority is to be worked off (D of the scaling rule)."""
        if self.catch_up_s is not None and priority is not Priority.BULK:
            return self.catch_up_s
        aim_s = self.wait_objective_s[priority] * CATCH_UP_SHARE
        return max(aim_s, self.cold_start_s * CATCH_UP_COLD_STARTS, LEAST_CATCH_UP_S)
