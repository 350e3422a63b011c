"""One poll for everything an event loop waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from storehand.job import Job
from storehand.store import JobStore
from storehand.waiting import pause_s

T = TypeVar("T")


class Call(Protocol):
    """Runs a blocking function off the event loop."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


class JobWatch:
    """Hands out futures and fulfils them. Polls only while somebody waits; used from one event loop."""

    def __init__(self, store: JobStore, call: Call) -> None:
        self._store = store
        self._call = call
        self._endings: dict[str, list[asyncio.Future[Job | None]]] = {}
        self._pulses: list[tuple[str, asyncio.Future[None]]] = []
        self._has_new = False
        self._last_new = 0.0
        self._task: asyncio.Task[None] | None = None

    def ending(self, job_id: str) -> asyncio.Future[Job | None]:
        """Fulfilled with the row once it is terminal; with None when there is no row."""
        future: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        self._endings.setdefault(job_id, []).append(future)
        self._wake()
        return future

    def next_change(self, job_id: str) -> asyncio.Future[None]:
        """Fulfilled after the next event or the end of this job, or earlier. Take it before you read."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pulses.append((job_id, future))
        self._wake()
        return future

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for future in self._take_all():
            future.cancel()

    def _wake(self) -> None:
        self._has_new = True
        self._last_new = asyncio.get_running_loop().time()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            seen = 0  # no store's number: the first look always counts as a change
            while self._is_waited_for():
                seen = await self._look(seen)
                await asyncio.sleep(pause_s(asyncio.get_running_loop().time() - self._last_new))
        except Exception as error:  # a border: whoever waits must hear of it
            for future in self._take_all():
                future.set_exception(error)

    async def _look(self, seen: int) -> int:
        ids = list({*self._endings, *(job_id for job_id, _ in self._pulses)})
        number = await self._call(lambda: self._store.changed(seen, ids))
        if number == seen and not self._has_new:
            return seen
        began = asyncio.get_running_loop().time()
        self._has_new = False
        if number != seen:
            pulses, self._pulses = self._pulses, []
            for _, pulse in pulses:
                _fulfil(pulse, None)
        await self._settle()
        await asyncio.sleep(4 * (asyncio.get_running_loop().time() - began))  # thousands of rows must not fill a core
        return number

    async def _settle(self) -> None:
        ids = list(self._endings)
        found = await self._call(lambda: self._store.get(ids)) if ids else {}
        for job_id in ids:
            job = found.get(job_id)
            if job is None or job.status.is_terminal:
                for future in self._endings.pop(job_id, ()):
                    _fulfil(future, job)

    def _is_waited_for(self) -> bool:
        """Forgets what nobody waits for any more: a timeout or a closed generator cancels its future."""
        self._pulses = [(job_id, future) for job_id, future in self._pulses if not future.done()]
        for job_id, futures in list(self._endings.items()):
            self._endings[job_id] = [future for future in futures if not future.done()]
            if not self._endings[job_id]:
                del self._endings[job_id]
        return bool(self._pulses or self._endings)

    def _take_all(self) -> list[asyncio.Future[Any]]:
        waiting: list[asyncio.Future[Any]] = [future for _, future in self._pulses]
        for futures in self._endings.values():
            waiting += futures
        self._pulses, self._endings = [], {}
        return [future for future in waiting if not future.done()]


def _fulfil(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
