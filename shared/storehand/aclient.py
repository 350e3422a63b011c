"""The client for asyncio: the same names with `await` and `async for`, over the same store.

The store's calls run on a few threads of their own, and one poll serves everything that waits.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from storehand.client import ERASE_S, Client
from storehand.contracts.base import TaskInput, TaskOutput
from storehand.errors import NotReady
from storehand.handle import JobHandle, StreamedText, existing
from storehand.job import Event, EventKind, Job, Outcome, Priority, Status
from storehand.submission import Moment
from storehand.watch import JobWatch

if TYPE_CHECKING:
    from storehand.erasing import Erasure
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

T = TypeVar("T")
O = TypeVar("O", bound=TaskOutput)  # noqa: E741  # output
OutputT = TypeVar("OutputT", covariant=True)
H = TypeVar("H", bound="AsyncJobHandle[Any]")

_THREADS = 4


class AsyncClient:
    """`async with AsyncClient() as client: ...`; belongs to the event loop it is first used in."""

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        self._sync = Client(settings, **overrides)
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="storehand-client")
        self._watch = JobWatch(self._sync.store, self._call)

    @property
    def settings(self) -> Settings:
        return self._sync.settings

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Whoever still waits gets a CancelledError."""
        await self._watch.close()
        await self._call(self._sync.close)
        self._executor.shutdown(wait=False)

    async def submit(
        self,
        input: TaskInput[O],
        *,
        idempotency_key: str | None = None,
        deadline: Moment | None = None,
        priority: Priority | str | None = None,
        tenant: str | None = None,
        not_before: Moment | None = None,
        subject: str | None = None,
    ) -> AsyncJobHandle[O]:
        """See `Client.submit`."""
        handle = await self._call(
            lambda: self._sync.submit(
                input, idempotency_key=idempotency_key, deadline=deadline, priority=priority, tenant=tenant,
                not_before=not_before, subject=subject,
            )
        )  # fmt: skip
        return AsyncJobHandle(self, handle)

    async def submit_raw(
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
    ) -> AsyncJobHandle[Any]:
        """See `Client.submit_raw`."""
        handle = await self._call(
            lambda: self._sync.submit_raw(
                task, input, idempotency_key=idempotency_key, deadline=deadline, priority=priority, tenant=tenant,
                not_before=not_before, subject=subject,
            )
        )  # fmt: skip
        return AsyncJobHandle(self, handle)

    async def submit_many(
        self,
        inputs: Iterable[TaskInput[O]],
        *,
        idempotency_keys: Iterable[str] | None = None,
        deadline: Moment | None = None,
        priority: Priority | str = Priority.BULK,
        tenant: str | None = None,
        subjects: Iterable[str | None] | None = None,
    ) -> list[AsyncJobHandle[O]]:
        """See `Client.submit_many`."""
        handles = await self._call(
            lambda: self._sync.submit_many(
                inputs, idempotency_keys=idempotency_keys, deadline=deadline, priority=priority, tenant=tenant,
                subjects=subjects,
            )
        )  # fmt: skip
        return [AsyncJobHandle(self, handle) for handle in handles]

    def job(self, job_id: str) -> AsyncJobHandle[Any]:
        """See `Client.job`."""
        return AsyncJobHandle(self, self._sync.job(job_id))

    async def jobs(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Rows, newest first."""
        return await self._call(
            lambda: self._sync.jobs(statuses=statuses, task=task, tenant=tenant, subject=subject, limit=limit)
        )

    async def erase(
        self,
        job_ids: Iterable[str] | None = None,
        *,
        subject: str | None = None,
        tenant: str | None = None,
        timeout: float = ERASE_S,
    ) -> Erasure:
        """See `Client.erase`."""
        return await self._call(lambda: self._sync.erase(job_ids, subject=subject, tenant=tenant, timeout=timeout))

    async def as_completed(self, handles: Iterable[H], timeout: float | None = None) -> AsyncIterator[H]:
        """See `Client.as_completed`."""
        listed = list(handles)
        ended: asyncio.Queue[H] = asyncio.Queue()
        futures = [self._watch.ending(handle.id) for handle in listed]
        for handle, future in zip(listed, futures, strict=True):
            future.add_done_callback(functools.partial(_put, ended, handle))
        end = None if timeout is None else asyncio.get_running_loop().time() + timeout
        try:
            for left in range(len(listed), 0, -1):
                try:
                    async with asyncio.timeout_at(end):
                        handle = await ended.get()
                except TimeoutError:
                    raise NotReady(f"{left} jobs have no answer after {timeout:g} s; they go on") from None
                yield handle
        finally:
            for future in futures:
                future.cancel()

    async def _call(self, function: Callable[[], T]) -> T:
        context = copy_context()  # the caller's active span lives in it
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: context.run(function))


def _put(ended: asyncio.Queue[T], handle: T, future: object) -> None:
    ended.put_nowait(handle)


class AsyncJobHandle(Generic[OutputT]):
    """`JobHandle` for asyncio."""

    def __init__(self, client: AsyncClient, handle: JobHandle[OutputT]) -> None:
        self._client = client
        self._handle = handle
        self.id = handle.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    async def job(self) -> Job:
        """The row as it is now."""
        return await self._client._call(lambda: self._handle.job)

    async def status(self) -> Status:
        return (await self.job()).status

    async def outcome(self, timeout: float | None = None) -> Outcome:
        """See `JobHandle.outcome`."""
        return (await self._ended(timeout)).outcome  # type: ignore[return-value]  # a terminal row has one

    async def result(self, timeout: float | None = None) -> OutputT:
        """See `JobHandle.result`."""
        job = await self._ended(timeout)
        assert job.outcome is not None
        return self._handle.read(job.task, job.outcome)

    async def stream(self, after: int = 0, timeout: float | None = None) -> AsyncIterator[Event]:
        """See `JobHandle.stream`."""
        while True:
            change = self._client._watch.next_change(self.id)
            events = await self._client._call(functools.partial(self._handle.events_or_end, after))
            for event in events or ():
                after = event.seq
                yield event
                if event.kind is EventKind.END:
                    return
            if events is None:
                return
            if not events:
                await self._soon(change, timeout, "streamed nothing for")

    async def text_stream(self, timeout: float | None = None) -> AsyncIterator[str]:
        """See `JobHandle.text_stream`."""
        text = StreamedText()
        async for event in self.stream(timeout=timeout):
            if text.add(event):
                yield text.value

    async def cancel(self) -> Status:
        """See `JobHandle.cancel`."""
        return await self._client._call(self._handle.cancel)

    async def _ended(self, timeout: float | None) -> Job:
        job = await self._soon(self._client._watch.ending(self.id), timeout, "has no answer after")
        return existing(self.id, {} if job is None else {job.id: job})

    async def _soon(self, future: asyncio.Future[T], timeout: float | None, what: str) -> T:
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise NotReady(f"job {self.id} {what} {timeout:g} s; it goes on") from None
