"""All stories."""

from __future__ import annotations

from tests.rules import stories_capacity, stories_jobs, stories_parts, stories_promises, stories_workers

STORIES = (
    *stories_promises.STORIES,
    *stories_jobs.STORIES,
    *stories_capacity.STORIES,
    *stories_workers.STORIES,
    *stories_parts.STORIES,
)
