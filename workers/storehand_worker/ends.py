"""How the items of an envelope end."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ends(Generic[T]):
    """One end per item, told from any thread. The first word about an item counts; who waits is woken by the last."""

    def __init__(self, job_ids: Iterable[str]) -> None:
        self._job_ids = list(job_ids)
        self._open = set(self._job_ids)
        self._ends: dict[str, T] = {}
        self._lock = threading.Lock()
        self._is_complete = threading.Event()

    def put(self, job_id: str, end: T) -> None:
        with self._lock:
            if job_id not in self._open:  # given up by the watcher before
                return
            self._ends[job_id] = end
            self._open.remove(job_id)
            if self._open:
                return
        self._is_complete.set()

    def wait(self) -> dict[str, T]:
        """All of them in the order of the items, when the last is there."""
        if self._open:
            self._is_complete.wait()
        return {job_id: self._ends[job_id] for job_id in self._job_ids}
