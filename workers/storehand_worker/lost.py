"""Whose message is lost, and whose only waits its turn: a long queue is no reason to ring twice for everybody in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from storehand.job import TERMINAL, Job, Status
from storehand.settings import Settings
from storehand.store import JobStore
from storehand.store.upkeep import LONG_UNCLAIMED

Depths = Callable[[], Mapping[str, tuple[int, int | None]]]
"""Queue -> (ready, being worked on, None where the broker does not say). A queue that is not in it is not known."""

Why = Literal["unpublished", "handed_back", "due", "unclaimed", "worker_gone"]

OVERTAKEN_S = 60.0
"""Queues are first in, first out, but for redelivered messages and several publishers."""

VANISHED = 3.0
"""So many times `publish_grace_s` after it was sent a message that is in no queue should have been claimed."""

LOOK_BACK = 100
"""Started jobs of a task that are looked at for one that came later."""


def no_depths() -> Mapping[str, tuple[int, int | None]]:
    """Where nobody knows."""
    return {}


def why_rung(job: Job) -> Why:
    """Why this row of `unrung` needs a message."""
    if job.status is Status.RUNNING:
        return "worker_gone"
    if job.published_at is not None:
        return "unclaimed"
    if job.not_before is not None:
        return "due"
    return "unpublished" if job.started_at is None else "handed_back"


class LostMessages:
    """For one look at the rows: asks broker and store once, and only when there is something to tell apart."""

    def __init__(self, store: JobStore, settings: Settings, depths: Depths) -> None:
        self._store = store
        self._settings = settings
        self._ask = depths
        self._depths: Mapping[str, tuple[int, int | None]] | None = None
        self._latest: dict[tuple[str, str], float] = {}
        self._looked_at: set[str] = set()

    def apart(self, found: Sequence[Job]) -> tuple[list[Job], list[Job]]:
        """Those to ring for, and those whose message waits in a long queue."""
        waiting = [job for job in found if why_rung(job) == "unclaimed" and self._waits(job)]
        ids = {job.id for job in waiting}
        return [job for job in found if job.id not in ids], waiting

    def vanished(self) -> list[Job]:
        """Rung for a while ago and not claimed, though nothing waits in their queue: the broker has lost the message,
        or a worker has died or been cut off with it, and a broker server gives it back much later. A queue file does
        neither."""
        if self._settings.is_embedded:
            return []
        patience_s = VANISHED * self._settings.publish_grace_s
        found = self._store.unrung(grace_s=patience_s / LONG_UNCLAIMED)
        now = self._store.now()
        return [job for job in found if self._is_forgotten(job, now, patience_s) and self._is_empty(job)]

    def _is_forgotten(self, job: Job, now: float, patience_s: float) -> bool:
        """A lease keeps its grace: after an outage of the store all of them have run out, and their workers live."""
        if job.lease_until is not None and job.lease_until > now - self._settings.publish_grace_s:
            return False
        return job.published_at is not None and job.published_at <= now - patience_s

    def _is_empty(self, job: Job) -> bool:
        depth = self._known_depths().get(self._settings.queue(job.task, job.priority))
        return depth is not None and depth[0] == 0

    def _known_depths(self) -> Mapping[str, tuple[int, int | None]]:
        if self._depths is None:
            self._depths = self._ask()
        return self._depths

    def _waits(self, job: Job) -> bool:
        """Messages are in its queue, and nobody who came later has been served."""
        ready, _ = self._known_depths().get(self._settings.queue(job.task, job.priority), (0, 0))
        return ready > 0 and self._latest_served(job) <= (job.published_at or 0.0) + OVERTAKEN_S

    def _latest_served(self, job: Job) -> float:
        """When the youngest job was submitted that came by the same queue and has begun."""
        if job.task not in self._looked_at:
            self._looked_at.add(job.task)
            for each in self._store.find(statuses=(Status.RUNNING, *TERMINAL), task=job.task, limit=LOOK_BACK):
                if each.started_at is not None and each.not_before is None:
                    key = each.task, each.priority
                    self._latest[key] = max(self._latest.get(key, 0.0), each.created_at)
        return self._latest.get((job.task, job.priority), 0.0)
