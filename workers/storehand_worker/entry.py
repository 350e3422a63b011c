"""Celery's own task functions: one per plugin task, each a door to the job runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from celery import Celery, Task
from celery.exceptions import Ignore

from storehand.errors import IdempotencyConflict, InvalidInput, StorehandError, Throttled, Unavailable
from storehand.job import NewJob, Outcome
from storehand.message import Call, celery_name, read_call
from storehand.payload import check_size
from storehand.traces import HEADER, checked
from storehand_worker.delivery import UNAVAILABLE_PAUSE_S, Delivery, Early, Parked, current_delivery
from storehand_worker.later import KEEP_EARLY_S, timed


class Entry(Task):
    """Returns the output of a job, or `{"jobs": {id: status}}` of an envelope; raises the coded error of a job that
    failed, so that Celery and Flower say FAILURE. The outcome is stored before either."""

    name: str
    abstract = True
    Request = "storehand_worker.request:JobRequest"
    acks_late = True
    ignore_result = True
    throws = (StorehandError,)  # expected: one line in the log, no traceback
    typing = False
    max_retries = None
    resultrepr_maxsize = 0  # events, logs and Flower show no output; writing it cost as much as a model call

    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        path = self.app.job_path
        delivery = current_delivery() or Delivery()
        try:
            call = self._read(args, kwargs)
            ids = self._admitted(call.new_jobs) if call.new_jobs else list(call.ids)
            if call.is_envelope:
                return {"jobs": {job_id: each.status for job_id, each in path.runner.answer_all(ids, delivery).items()}}
            return _unwrap(path.runner.answer(ids[0], delivery))
        except Early as early:
            if early.pause_s <= KEEP_EARLY_S or self.request.callbacks or self.request.chain:
                raise
            raise Ignore("the reconciler rings when the job is due") from early

    def _admitted(self, new_jobs: Sequence[NewJob]) -> list[str]:
        """A tenant over its limit gets its answer at once, and its message goes: the queue is no waiting room."""
        path = self.app.job_path
        try:
            return [job.id for job in path.runner.admit(new_jobs)]
        except Throttled as error:
            try:
                path.discards.throttle(new_jobs, error)
            except Unavailable as away:
                raise Parked(away.message, pause_s=UNAVAILABLE_PAUSE_S) from away
            raise
        except IdempotencyConflict as error:
            self._refuse(error)
            raise

    def _read(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        path = self.app.job_path
        settings = path.settings
        try:
            call = read_call(self.name, self.request.id, args, kwargs, tenant=settings.tenant)
            new_jobs = timed(call.new_jobs, self.request)
            if trace := checked(self.request.get(HEADER)):  # of a producer that is traced, by Celery's instrumentation
                new_jobs = tuple(replace(job, trace=trace) for job in new_jobs)
            call = replace(call, new_jobs=new_jobs)
            for new_job in call.new_jobs:
                check_size(new_job.input, settings.payload_max_bytes)
        except InvalidInput as error:
            self._refuse(error)
            raise
        return call

    def _refuse(self, error: StorehandError) -> None:
        try:
            self.app.job_path.discards.refuse(self.name, self.request.id, error)
        except Unavailable as away:
            raise Parked(away.message, pause_s=UNAVAILABLE_PAUSE_S) from away


def _unwrap(outcome: Outcome) -> dict[str, Any]:
    return dict(outcome.unwrap())


def register_entries(app: Celery, tasks: Mapping[str, Any], *, soft_s: float, hard_s: float) -> None:
    """One Celery task per plugin task, under the name that producers use."""
    for name in tasks:
        members = {"name": celery_name(name), "abstract": False, "soft_time_limit": soft_s, "time_limit": hard_s}
        app.register_task(type(f"Entry_{name}", (Entry,), {**members, "__module__": __name__})())
