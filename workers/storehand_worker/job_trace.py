"""What a worker tells of a job while it is in its hands, for tracing. Here is the one that tells nobody; `tracing.py`
has the one that makes spans, and is imported where the setting `tracing` is on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from storehand.engine import GenerateRequest, Result
from storehand.job import Job, Outcome
from storehand.task import ModelInfo

Tell = Callable[[Sequence[Result], Sequence[float]], None]
"""Told the answers of a model call and when each was asked for, by the monotonic clock."""


def _nobody(results: Sequence[Result], asked_at: Sequence[float]) -> None:
    return None


_NOTHING: AbstractContextManager[None] = nullcontext()
_NO_CALL: AbstractContextManager[Tell] = nullcontext(_nobody)


class JobTrace:
    """One attempt of one job. All methods may be called from any thread; times are monotonic seconds."""

    traceparent: str | None = None
    """Of the span that stands for this attempt; none where there is none."""

    def inside(self) -> AbstractContextManager[Any]:
        """For as long as the task's code runs."""
        return _NOTHING

    def ran(self, outcome: Outcome) -> None:
        """What came of the task's code; told while still inside."""

    def call(self, role: str, info: ModelInfo, request: GenerateRequest | None) -> AbstractContextManager[Tell]:
        """A model call, from being asked to its last answer; `request` for texts only."""
        return _NO_CALL

    def event(self, name: str, **facts: str | float) -> None:
        """Something happened that ends the attempt without an outcome. A `code` is why it failed."""

    def stored(self, outcome: Outcome, *, began: float) -> None:
        """Its outcome stands in the store; writing it began then."""

    def end(self) -> None:
        """It is out of this worker's hands; only the first time counts."""


class Tracer:
    """One for all threads of a worker."""

    def mark(self) -> None:
        """This thread is about to claim jobs."""

    def begin(self, job: Job) -> JobTrace:
        """This thread has claimed a job since `mark`."""
        return UNTRACED

    def close(self) -> None:
        """Sends what there is, within a bound."""


UNTRACED = JobTrace()
