"""A job row for tests that only read one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storehand.job import Job, Priority, Status

_ROW = Job(
    id="job-1",
    task="echo",
    input={"text": "a secret of the shop"},
    status=Status.RUNNING,
    tenant="default",
    priority=Priority.STANDARD,
    idempotency_key=None,
    created_at=1000.0,
    updated_at=1000.0,
    published_at=1000.0,
    not_before=None,
    deadline=None,
    attempts=1,
    crashes=0,
    owner="worker-1",
    lease_until=1015.0,
    cancel_requested_at=None,
    started_at=1002.0,
    finished_at=None,
    outcome=None,
)


def a_job(**changes: Any) -> Job:
    """A running `echo` job, created at 1000 and started at 1002 (epoch seconds)."""
    return replace(_ROW, **changes)
