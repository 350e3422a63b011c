"""A plain producer's `eta` or `countdown`: the row waits for it, not the message.

Celery would keep the message in hand until then: a place of the prefetch, on RabbitMQ until `consumer_timeout` cuts the
connection. What hangs at the message itself (callbacks, a chain) can't wait in a row, so such a message is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from storehand.job import NewJob
from storehand.message import TASK_PREFIX

NOT_BEFORE = "storehand_not_before"
KEEP_EARLY_S = 15.0
"""Sooner than that the message is kept all the same: that is quicker than the reconciler's next look."""

_HANGING = ("callbacks", "errbacks", "chain", "chord")


def leave_eta_to_row(message: Any) -> None:
    """Before Celery looks at a message. What it can't understand is left to Celery, which says so."""
    headers = message.headers
    due = _epoch(headers.get("eta"))
    if due is None or due - time.time() <= KEEP_EARLY_S or not str(headers.get("task")).startswith(TASK_PREFIX):
        return
    try:
        _, _, embed = message.payload
        if any(embed.get(name) for name in _HANGING):
            return
    except Exception:  # no body as it should be
        return
    headers[NOT_BEFORE] = due
    headers["eta"] = None


def timed(new_jobs: Sequence[NewJob], request: Mapping[str, Any]) -> tuple[NewJob, ...]:
    """The rows of a message whose eta was left to them; its `expires` becomes their deadline, for it goes."""
    due = request.get(NOT_BEFORE)
    if not isinstance(due, int | float):
        return tuple(new_jobs)
    expires = _epoch(request.get("expires"))

    def deadline(job: NewJob) -> float | None:
        given = [at for at in (job.deadline, expires) if at is not None]
        return min(given) if given else None

    return tuple(replace(job, not_before=float(due), deadline=deadline(job)) for job in new_jobs)


def _epoch(moment: Any) -> float | None:
    if not isinstance(moment, str):
        return None
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
