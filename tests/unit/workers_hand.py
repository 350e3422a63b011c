"""A worker's hand for client tests: it answers jobs through the store, with no model and no Celery."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from storehand.job import EventKind, Job, Outcome, Status
from storehand.store import Claimed, Finish, JobStore, NewEvent

OWNER = "hand"


def start(store: JobStore, job_id: str) -> Job:
    claim = store.claim([job_id], OWNER, 60, max_crashes=3)[0]
    assert claim.result is Claimed.MINE
    assert claim.job is not None
    return claim.job


def say(store: JobStore, job: Job, text: str, *, kind: EventKind = EventKind.DELTA) -> None:
    store.append(job.id, job.attempts, [NewEvent(kind, {"text": text})])


def end(store: JobStore, job: Job, outcome: Outcome) -> None:
    assert store.finish([Finish(job.id, outcome, OWNER, job.attempts)]) == [True]


def answer(store: JobStore, job_id: str, outcome: Outcome) -> None:
    end(store, start(store, job_id), outcome)


def description(text: str = "A kettle.") -> dict[str, Any]:
    """An output of the task `description`."""
    variant = {"title": "Kettle", "description": text, "writtenBy": "realiser", "attributeCoverage": 1.0}
    provenance = {"model": "none", "plugin": "description", "pluginVersion": "1", "writtenBy": "realiser"}
    return {"locale": "en", "variants": [variant], "chosen": 0, "provenance": provenance, "usage": {}}


class Answering:
    """`with Answering(store, outcome_of):` answers queued jobs on a thread of its own."""

    def __init__(self, store: JobStore, outcome_of: Callable[[Job], Outcome]) -> None:
        self._store = store
        self._outcome_of = outcome_of
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Answering:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            for job in self._store.find(statuses=[Status.QUEUED], limit=200):
                answer(self._store, job.id, self._outcome_of(job))
