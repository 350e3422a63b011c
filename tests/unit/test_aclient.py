from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from storehand import AsyncClient
from storehand.contracts import DescriptionInput, DescriptionOutput
from storehand.errors import JobNotFound, NotReady, OutOfMemory, Unavailable
from storehand.job import EventKind, Outcome, Status
from storehand.store import JobStore
from tests.unit import workers_hand

OK = Outcome.succeeded(workers_hand.description())

Story = Callable[[AsyncClient, JobStore], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Runs a coroutine with a client and the store a worker would hold."""

    async def with_client(story: Story) -> None:
        async with AsyncClient(data_dir=tmp_path, synchronous="NORMAL") as client, asyncio.timeout(120):
            await story(client, client._sync.store)

    return lambda story: asyncio.run(with_client(story))


def kettle(number: int = 0) -> DescriptionInput:
    return DescriptionInput(product=f"Kettle {number}, 1.7 L")  # type: ignore[arg-type]  # one line is enough


def test_submit_and_result(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle(), idempotency_key="k", priority="interactive")
        assert await handle.status() is Status.QUEUED
        assert (await handle.job()).published_at is not None
        assert handle.id in repr(handle)

        waiting = asyncio.create_task(handle.result(timeout=10))
        await asyncio.sleep(0)
        workers_hand.answer(store, handle.id, OK)

        assert isinstance(await waiting, DescriptionOutput)
        assert await handle.outcome() == OK

    play(story)


def test_errors_and_missing_jobs_are_raised(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit_raw("tagline", {"words": 3})
        workers_hand.answer(store, handle.id, Outcome.of_error(OutOfMemory("too long")))

        with pytest.raises(OutOfMemory, match="too long"):
            await handle.result()
        with pytest.raises(JobNotFound):
            await client.job("nobody").result(timeout=5)

    play(story)


def test_a_wait_that_runs_out_is_not_ready_and_nothing_polls_afterwards(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle())

        with pytest.raises(NotReady):
            await handle.result(timeout=0.05)

        task = client._watch._task
        assert task is not None
        await asyncio.wait_for(task, 5)

    play(story)


class Naps:
    """`with Naps() as beside:` a thread naps for 1 ms again and again; `longest_s` tells how long a nap took."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Naps:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = time.perf_counter()
        while not self._stop.wait(0.001):
            now = time.perf_counter()
            self.longest_s, before = max(self.longest_s, now - before), now


def test_the_event_loop_stays_free_while_jobs_are_waited_for(play):
    """Hardly later than a thread beside it; a busy machine gets more chances."""

    async def longest_s(client: AsyncClient, store: JobStore) -> float:
        handles = await client.submit_many(kettle(number) for number in range(200))
        waiting = asyncio.gather(*(handle.result(timeout=60) for handle in handles))
        longest = 0.0
        with workers_hand.Answering(store, lambda job: OK), Naps() as beside:
            while not waiting.done():
                before = time.perf_counter()
                await asyncio.sleep(0.001)
                longest = max(longest, time.perf_counter() - before)
        assert len(await waiting) == 200
        return longest - beside.longest_s

    async def story(client: AsyncClient, store: JobStore) -> None:
        late_s: list[float] = []
        while not late_s or late_s[-1] >= 0.5:
            assert len(late_s) < 5, late_s
            late_s.append(await longest_s(client, store))

    play(story)


def test_as_completed_yields_each_handle_once(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handles = await client.submit_many(kettle(number) for number in range(50))
        with workers_hand.Answering(store, lambda job: OK):
            ended = [handle async for handle in client.as_completed(handles, timeout=20)]

        assert sorted(handle.id for handle in ended) == sorted(handle.id for handle in handles)

    play(story)


def test_as_completed_says_how_many_are_left(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handles = [await client.submit(kettle()), await client.submit(kettle(1))]
        workers_hand.answer(store, handles[0].id, OK)

        ended = []
        with pytest.raises(NotReady, match="1 jobs"):
            async for handle in client.as_completed(handles, timeout=2):
                ended.append(handle)  # noqa: PERF401  # the error comes out of the loop
        assert ended == [handles[0]]

    play(story)


def test_a_stream_comes_as_it_is_written_and_can_be_resumed(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle())
        job = workers_hand.start(store, handle.id)
        stream = handle.stream(timeout=10)

        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.02)
        workers_hand.say(store, job, "A ")
        assert (await reading).data == {"text": "A "}

        workers_hand.say(store, job, "kettle")
        workers_hand.end(store, job, OK)
        assert [event.kind async for event in stream] == [EventKind.DELTA, EventKind.END]
        assert [event.seq async for event in handle.stream(after=2)] == [3]
        assert [text async for text in handle.text_stream()] == ["A ", "A kettle"]

    play(story)


def test_a_silent_stream_is_not_ready(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle())

        with pytest.raises(NotReady):
            await anext(handle.stream(timeout=0.05))

    play(story)


def test_cancel_and_find(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle())

        assert await handle.cancel() is Status.CANCELLED
        assert [job.id for job in await client.jobs(statuses=[Status.CANCELLED])] == [handle.id]

    play(story)


def test_a_store_that_goes_away_wakes_everybody_with_the_error(play):
    async def story(client: AsyncClient, store: JobStore) -> None:
        handle = await client.submit(kettle())
        waiting = asyncio.create_task(handle.result(timeout=20))
        await asyncio.sleep(0.05)

        store.close()

        with pytest.raises(Unavailable):
            await waiting

    play(story)
