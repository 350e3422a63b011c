"""The workers of a scene: `storehand worker` processes that die, stand still, leave, and are replaced."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence

from tests.pipeline.workers import Shop, WorkerProcess
from tests.rigs.namespace import Namespace
from tests.waiting import until

STUCK = 999
"""The exit code of one that did not leave."""


class StorehandWorker(WorkerProcess):
    """Started by the command people use."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "storehand.cli", "worker", "-n", f"{self.name}@chaos", "--without-heartbeat"]

    @property
    def is_alive(self) -> bool:
        return self.exit_code() is None


class RemoteWorker(StorehandWorker):
    """One in a network of its own."""

    def __init__(self, shop: Shop, name: str, namespace: Namespace, settings: dict[str, object]) -> None:
        super().__init__(shop, name, (), {**settings, "http_host": "0.0.0.0"})
        self.host = namespace.inside
        self._namespace = namespace

    def command(self) -> list[str]:
        return [*self._namespace.command, *super().command()]


class Fleet:
    """A context manager; `settings` are the workers' own beside the shop's. The oldest worker is hit first, `guests`
    never."""

    def __init__(
        self,
        shop: Shop,
        size: int,
        settings: dict[str, object],
        *,
        guests: Sequence[StorehandWorker] = (),
        patience_s: float = 120,
    ) -> None:
        self._shop = shop
        self._size = size
        self._settings = settings
        self._patience_s = patience_s
        self._guests = list(guests)
        self._numbers = itertools.count(1)
        self._running: deque[StorehandWorker] = deque()
        self._paused: list[StorehandWorker] = []
        self._leaving: list[StorehandWorker] = []
        self.exit_codes: list[int] = []
        """Of those that were asked to leave."""

    def __enter__(self) -> Fleet:
        try:
            for _ in range(self._size):
                self.add()
            for worker in self._guests:
                worker.start()
            for worker in [*self._running, *self._guests]:
                until(worker.is_ready, timeout_s=self._patience_s)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._running, *self._paused, *self._leaving, *self._guests]:
            worker.__exit__(None, None, None)

    def add(self) -> StorehandWorker:
        worker = StorehandWorker(self._shop, f"w{next(self._numbers)}", (), self._settings)
        worker.start()
        self._running.append(worker)
        return worker

    def kill(self) -> None:
        self._oldest().kill()
        self.add()

    def terminate(self) -> None:
        worker = self._oldest()
        worker.send(signal.SIGTERM)
        self._leaving.append(worker)
        self.add()

    def pause(self) -> None:
        worker = self._oldest()
        worker.send(signal.SIGSTOP)
        self._paused.append(worker)

    def resume(self) -> None:
        while self._paused:
            worker = self._paused.pop()
            worker.send(signal.SIGCONT)
            self._running.append(worker)

    def mend(self) -> int:
        """What a supervisor does: those that died of themselves are replaced; how many did."""
        dead = [worker for worker in self._running if not worker.is_alive]
        for worker in dead:
            self._running.remove(worker)
            self.add()
        gone = [guest for guest in self._guests if not guest.is_alive]
        for guest in gone:
            guest.start()
        return len(dead) + len(gone)

    def leave(self, timeout_s: float) -> None:
        """Everybody drains, once it is up: what has just been started does not know SIGTERM yet."""
        self.resume()
        self._running.extend(self._guests)
        self._guests.clear()
        for worker in self._running:
            self._wait_until_up(worker, timeout_s)
            if worker.is_alive:
                worker.send(signal.SIGTERM)
        self.exit_codes += [self._left(worker, timeout_s) for worker in [*self._running, *self._leaving]]
        self._running.clear()
        self._leaving.clear()

    @staticmethod
    def _left(worker: StorehandWorker, timeout_s: float) -> int:
        try:
            return worker.wait(timeout_s)
        except subprocess.TimeoutExpired:
            worker.kill()
            return STUCK

    def _wait_until_up(self, worker: StorehandWorker, timeout_s: float) -> None:
        with contextlib.suppress(AssertionError):  # then it leaves as it is, and its exit code tells
            until(lambda: not worker.is_alive or self._is_ready(worker), timeout_s=timeout_s)

    @property
    def has_ready(self) -> bool:
        """Somebody takes jobs."""
        return any(worker.is_alive and self._is_ready(worker) for worker in self._running)

    def _oldest(self) -> StorehandWorker:
        """One that takes jobs, if there is one."""
        ready = [worker for worker in self._running if worker.is_alive and self._is_ready(worker)]
        worker = ready[0] if ready else self._running[0]
        self._running.remove(worker)
        return worker

    @staticmethod
    def _is_ready(worker: StorehandWorker) -> bool:
        try:
            return worker.is_ready()
        except AssertionError:  # it has just left
            return False
