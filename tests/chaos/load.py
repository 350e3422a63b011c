"""What a shop does meanwhile: it submits, again with the same key where it was not told, and writes down what it was
promised."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from storehand import Client
from storehand.errors import Unavailable
from storehand.job import Priority
from tests.pipeline.probe_plugin import ProbeInput

ENDS = {"echo": {"ok"}, "stream": {"ok"}, "refuse": {"invalid_input"}, "raise": {"plugin"}, "kill": {"poison"}}
"""By mode of the probe: how such a job may end."""

MODES = ("echo", "echo", "echo", "stream", "echo", "refuse", "echo", "raise")
CHUNK = 50
PRESENT_S = 0.2


@dataclass
class Promised:
    """What the shop holds a promise for: job id -> how it may end."""

    ends: dict[str, set[str]] = field(default_factory=dict)
    refused: int = 0
    """Submits that were told no, and repeated."""
    unknown: int = 0
    """Submits that were not told, and repeated with the same key."""
    other_id: int = 0
    """Keys that were promised two different jobs: never."""
    slowest_s: float = 0.0
    of_key: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: str, job_id: str, ends: set[str]) -> None:
        with self.lock:
            self.other_id += self.of_key.setdefault(key, job_id) != job_id
            self.ends[job_id] = ends

    def note_call(self, took_s: float) -> None:
        with self.lock:
            self.slowest_s = max(self.slowest_s, took_s)

    def note_error(self, error: Unavailable) -> None:
        with self.lock:
            if error.details.get("is_stored") is False:
                self.refused += 1
            else:
                self.unknown += 1


class Load:
    """A context manager: submits `jobs` jobs from threads of its own, at most `per_s` a second, each under a key of its
    own; a quarter one by one, the rest many at a time."""

    def __init__(
        self,
        client: Client,
        *,
        jobs: int,
        per_s: float | None = None,
        work_s: float = 0.01,
        seed: int = 1,
        tag: str = "k",
    ) -> None:
        self.promised = Promised()
        self._client = client
        self._jobs = jobs
        self._per_s = per_s
        self._work_s = work_s
        self._random = random.Random(seed)
        self._tag = tag
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(5, thread_name_prefix="load")
        self._futures: list[Any] = []

    def __enter__(self) -> Self:
        inputs = [(f"{self._tag}{number}", self._input(number)) for number in range(self._jobs)]
        alone = len(inputs) // 4
        began = time.monotonic()
        singles = itertools.chain(inputs[:alone])
        lock = threading.Lock()
        turns = _Turns(began, self._per_s)

        def one_by_one() -> None:
            while not self._stopped.is_set():
                with lock:
                    found = next(singles, None)
                if found is None:
                    return
                turns.wait(self._stopped, 4)  # three others come in chunks meanwhile
                self._submit([found])

        def many() -> None:
            chunks = _chunks(inputs[alone:], CHUNK)
            for chunk in chunks:
                if self._stopped.is_set():
                    return
                turns_many.wait(self._stopped, len(chunk) * 4 / 3)
                self._submit(chunk)

        turns_many = _Turns(began, self._per_s)
        self._futures = [self._pool.submit(one_by_one) for _ in range(4)] + [self._pool.submit(many)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stopped.set()
        self._pool.shutdown(wait=True)

    @property
    def is_over(self) -> bool:
        return all(future.done() for future in self._futures)

    def wait(self, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        for future in self._futures:
            future.result(max(0.1, end - time.monotonic()))

    def stop(self) -> None:
        self._stopped.set()

    def add(self, given: ProbeInput, key: str) -> None:
        """One more, now."""
        self._submit([(key, given)])

    @property
    def client(self) -> Client:
        return self._client

    def _input(self, number: int) -> ProbeInput:
        mode = MODES[number % len(MODES)]
        return ProbeInput(text=f"job {number}", mode=mode, work_s=self._work_s * self._random.uniform(0, 2))  # type: ignore[arg-type]  # one of its words

    def _submit(self, chunk: list[tuple[str, ProbeInput]]) -> None:
        """Until it is promised: what was refused or not told is repeated with the same keys."""
        keys = [key for key, _ in chunk]
        while True:
            began = time.monotonic()
            try:
                handles = self._call(chunk, keys)
            except Unavailable as error:
                self.promised.note_call(time.monotonic() - began)
                self.promised.note_error(error)
                if self._stopped.wait(PRESENT_S):
                    return
                continue
            self.promised.note_call(time.monotonic() - began)
            for (key, given), handle in zip(chunk, handles, strict=True):
                self.promised.note(key, handle.id, ENDS[given.mode])
            return

    def _call(self, chunk: list[tuple[str, ProbeInput]], keys: list[str]) -> list[Any]:
        if len(chunk) == 1:
            priority = Priority.INTERACTIVE if self._random.random() < 0.5 else Priority.STANDARD
            return [self._client.submit(chunk[0][1], idempotency_key=keys[0], priority=priority)]
        return list(self._client.submit_many([given for _, given in chunk], idempotency_keys=keys))


class _Turns:
    """Holds a stream of jobs to a rate."""

    def __init__(self, began: float, per_s: float | None) -> None:
        self._next = began
        self._per_s = per_s
        self._lock = threading.Lock()

    def wait(self, stopped: threading.Event, jobs: float) -> None:
        if self._per_s is None:
            return
        with self._lock:
            due, self._next = self._next, max(self._next, time.monotonic() - 1.0) + jobs / self._per_s
        stopped.wait(max(0.0, due - time.monotonic()))


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
