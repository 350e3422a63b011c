"""A context without a job: for warming up, and for running tasks on real models outside a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storehand.errors import JobStopped
from storehand.job import EventKind, Priority


@dataclass(frozen=True, slots=True)
class JoblessContext:
    """Nobody stops it, and what it emits goes nowhere."""

    job_id: str = "no-job"
    tenant: str = "default"
    priority: Priority = Priority.STANDARD
    attempt: int = 1
    deadline: float | None = None
    seed: int = 0
    cancelled: bool = False

    def check(self) -> None:
        return None

    def emit(self, text: str, *, kind: EventKind = EventKind.DELTA) -> None:
        return None

    def attach(self, callback: Callable[[JobStopped], None]) -> Callable[[], None]:
        return lambda: None
