"""The client: submit jobs, wait for their answers. All a backend needs; it never loads a model library."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from storehand.contracts import default_priority
from storehand.contracts.base import TaskInput, TaskOutput
from storehand.errors import NotReady, SettingsError, StorehandError, Throttled, Unavailable
from storehand.handle import JobHandle
from storehand.job import Job, NewJob, Priority, Status
from storehand.submission import Moment, new_job, raw_input, typed_input
from storehand.traces import sending
from storehand.waiting import Change

if TYPE_CHECKING:
    from storehand.erasing import Erasure
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays
    from storehand.store import JobStore

__all__ = ["CHUNK", "Client", "JobHandle"]

O = TypeVar("O", bound=TaskOutput)  # noqa: E741  # output
H = TypeVar("H", bound=JobHandle[Any])
V = TypeVar("V")

CHUNK = 500
"""Jobs that `submit_many` writes in one transaction."""

ERASE_S = 30.0

log = logging.getLogger("storehand.client")


class Client:
    """Thread-safe; may be made before a web server forks. `Client()` reads environment and file, `Client(lease_s=20)`
    overrides single settings, `Client(settings)` takes all of them."""

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        from storehand.erasing import Eraser
        from storehand.payloads import open_payloads
        from storehand.producer import Producer
        from storehand.store import open_store

        self.settings = make_settings(settings, overrides)
        self.store: JobStore = open_store(self.settings)
        self.producer = Producer(self.settings, self.store)
        self.payloads = open_payloads(self.settings)
        self.eraser = Eraser(self.store, self.payloads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.producer.close()
        self.store.close()

    def submit(
        self,
        input: TaskInput[O],
        *,
        idempotency_key: str | None = None,
        deadline: Moment | None = None,
        priority: Priority | str | None = None,
        tenant: str | None = None,
        not_before: Moment | None = None,
        subject: str | None = None,
    ) -> JobHandle[O]:
        """The job is safe once this returns, also while the broker is away. The same key with the same input returns
        the first job; with another input: IdempotencyConflict. InvalidInput, PayloadTooLarge, RateLimited and
        QuotaExceeded write nothing. Without a `priority` the task's own is taken: interactive for `chat`, standard for
        the others. `subject`: whom personal data in the input is about, as an id; `erase` finds the job by it."""
        task, data = typed_input(input)
        new = new_job(
            self.settings, task, data, now=self.store.now(), idempotency_key=idempotency_key, deadline=deadline,
            priority=priority or input.default_priority, tenant=tenant, not_before=not_before, subject=subject,
        )  # fmt: skip
        return self._handles(self.enqueue([new]), type(input).output_type)[0]

    def submit_raw(
        self,
        task: str,
        input: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        deadline: Moment | None = None,
        priority: Priority | str | None = None,
        tenant: str | None = None,
        not_before: Moment | None = None,
        subject: str | None = None,
    ) -> JobHandle[Any]:
        """`submit` for plain data. Built-in tasks are checked here, others by their plugin in the worker."""
        new = new_job(
            self.settings, task, raw_input(task, input), now=self.store.now(), idempotency_key=idempotency_key,
            deadline=deadline, priority=priority or default_priority(task), tenant=tenant, not_before=not_before,
            subject=subject,
        )  # fmt: skip
        return self._handles(self.enqueue([new]), None)[0]

    def submit_many(
        self,
        inputs: Iterable[TaskInput[O]],
        *,
        idempotency_keys: Iterable[str] | None = None,
        deadline: Moment | None = None,
        priority: Priority | str = Priority.BULK,
        tenant: str | None = None,
        subjects: Iterable[str | None] | None = None,
    ) -> list[JobHandle[O]]:
        """Many jobs with few writes and few messages. Each is a job of its own; handles come in the order of `inputs`.
        A bad input raises before its chunk of 500 is written; earlier chunks stand: give keys to repeat safely. A
        tenant's limit is judged per chunk, of which none is larger than its burst: `details["submitted"]` of
        RateLimited and QuotaExceeded says how many inputs came before."""
        from storehand.tenants import jobs_at_once  # settings bring it

        batch = str(uuid.uuid4())
        keys = None if idempotency_keys is None else iter(idempotency_keys)
        whom = None if subjects is None else iter(subjects)
        handles: list[JobHandle[O]] = []
        remaining = iter(inputs)
        limits = self.settings.tenant_limits
        size = jobs_at_once(limits, self.settings.tenant if tenant is None else tenant, most=CHUNK)
        while chunk := list(islice(remaining, size)):
            now = self.store.now()
            jobs = [
                new_job(
                    self.settings, *typed_input(each), now=now, batch=batch, deadline=deadline, priority=priority,
                    tenant=tenant, idempotency_key=None if keys is None else next_of(keys, "idempotency_keys"),
                    subject=None if whom is None else next_of(whom, "subjects"),
                )
                for each in chunk
            ]  # fmt: skip
            try:
                rows = self.enqueue(jobs, envelope=True)
            except Throttled as error:
                error.details["submitted"] = len(handles)
                raise
            handles += [self._handle(row.id, type(each).output_type) for row, each in zip(rows, chunk, strict=True)]
        return handles

    def map(self, inputs: Iterable[TaskInput[O]], *, timeout: float | None = None) -> Iterator[O]:
        """Outputs in the order of `inputs`; the first failed job raises its error."""
        for handle in self.submit_many(inputs):
            yield handle.result(timeout)

    def job(self, job_id: str) -> JobHandle[Any]:
        """The handle of a job by its id, also one another program submitted."""
        return self._handle(job_id, None)

    def jobs(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Rows, newest first."""
        return self.store.find(statuses=statuses, task=task, tenant=tenant, subject=subject, limit=limit)

    def erase(
        self,
        job_ids: Iterable[str] | None = None,
        *,
        subject: str | None = None,
        tenant: str | None = None,
        timeout: float = ERASE_S,
    ) -> Erasure:
        """Deletes the content of jobs, by their ids or by whom they are about: input, output, stream, dead letters,
        subject and key. Queued ones are cancelled; running ones are asked to stop, and after `timeout` seconds those
        that still run are named in the report. Unavailable: some are left, call again. docs/privacy.md has the rest."""
        found, unknown = self.eraser.find(job_ids, subject=subject, tenant=tenant)
        return replace(self.eraser.erase(found, timeout_s=timeout), unknown=tuple(unknown))

    def as_completed(self, handles: Iterable[H], timeout: float | None = None) -> Iterator[H]:
        """Handles as their jobs end, each once; a job that is gone counts as ended. NotReady after `timeout` s."""
        waiting: dict[str, list[H]] = {}
        for handle in handles:
            waiting.setdefault(handle.id, []).append(handle)
        change = Change(self.store, timeout, waiting)
        while waiting:
            found = self.store.get(list(waiting))
            ended = [each for each in waiting if each not in found or found[each].status.is_terminal]
            for job_id in ended:
                yield from waiting.pop(job_id)
            if waiting and not ended and not change.wait():
                raise NotReady(f"{len(waiting)} jobs have no answer after {timeout:g} s; they go on")

    def enqueue(self, jobs: Sequence[NewJob], *, envelope: bool = False) -> list[Job]:
        """Rows and messages for jobs that are checked (`submission.new_job`): what every `submit` ends in."""
        return sending(self.settings, jobs, lambda traced: self._enqueue(traced, envelope=envelope))

    def _enqueue(self, jobs: Sequence[NewJob], *, envelope: bool) -> list[Job]:
        rows = self._create(jobs)
        now = self.store.now()
        due = [
            row
            for row in {row.id: row for row in rows}.values()
            if row.status is Status.QUEUED and row.published_at is None and (row.not_before or 0) <= now
        ]
        try:
            self.producer.ring(due, envelope=envelope)
        except Unavailable as error:
            log.log(
                logging.WARNING if error.details.get("was_tried", True) else logging.DEBUG,  # an outage is one line
                "%d job(s) are stored but their message was not sent (%s); the reconciler of a worker sends it after"
                " publish_grace_s, first job %s",
                len(due), error, due[0].id,
            )  # fmt: skip
        return rows

    def _create(self, jobs: Sequence[NewJob]) -> list[Job]:
        from storehand.tenants import limits_of  # settings bring it

        moved = self.payloads.move_out(jobs)
        refs = {job.payload_ref for job in moved if job.payload_ref is not None}
        limits = limits_of(self.settings.tenant_limits, moved)
        try:
            rows = create_surely(lambda new: self.store.create(new, limits=limits), moved)
        except StorehandError as error:
            if not isinstance(error, Unavailable) or error.details["is_stored"] is False:
                self.payloads.forget(refs)  # where nobody knows, the rows may be there and need them
            raise
        self.payloads.forget(refs - {row.payload_ref for row in rows})  # of jobs that were there before
        return rows

    def _handles(self, rows: Sequence[Job], output_type: type[Any] | None) -> list[JobHandle[Any]]:
        return [self._handle(row.id, output_type) for row in rows]

    def _handle(self, job_id: str, output_type: type[Any] | None) -> JobHandle[Any]:
        return JobHandle(job_id, self.store, self.producer, output_type=output_type)


def create_surely(create: Callable[[Sequence[NewJob]], list[Job]], jobs: Sequence[NewJob]) -> list[Job]:
    """`create`, whose Unavailable says in its details which `job_ids` these are, and whether they are stored: false, or
    null when the answer was lost and the store could not be asked again. Either way it is settled: what is not stored
    now will not be later. A look at the ids tells it, and the same submit with the same `idempotency_key` is safe."""
    try:
        return create(jobs)
    except Unavailable as error:
        details = {"is_stored": None, **error.details, "job_ids": [job.id for job in jobs]}
        raise Unavailable(error.message, details=details) from error


def make_settings(settings: Settings | None, overrides: Mapping[str, Any]) -> Settings:
    from storehand.settings import read_settings

    if settings is not None and overrides:
        raise SettingsError("give either settings or single overrides, not both")
    return settings or read_settings(**overrides)


def next_of(values: Iterator[V], name: str) -> V:
    try:
        return next(values)
    except StopIteration:
        raise ValueError(f"there are fewer {name} than inputs") from None
