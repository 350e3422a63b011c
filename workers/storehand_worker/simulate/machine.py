"""A simulated worker: how long jobs take beside each other, how it starts and leaves."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from enum import Enum

from storehand.job import Priority
from storehand_worker.simulate.traffic import Ask


@dataclass(frozen=True, slots=True)
class Machine:
    """What every worker of the pool is like.

    A batching engine slows down as it fills: with L of its K places taken a job takes `1 + crowding * (L-1) / (K-1)`
    times what it takes alone, so throughput L / S(L) rises ever less. Jobs in hand beyond K wait in the engine's lane.
    `crowding` 0 with K = concurrency is a worker of independent slots (remote endpoints, one-core models).
    """

    concurrency: int = 64
    engine_slots: int = 32
    crowding: float = 1.5
    reserved: int = 16
    """Of the concurrency, for interactive jobs only (setting `reserved_interactive`)."""
    cold_start_s: float = 120.0
    """Median, once it has a node: image, weights, warm-up."""
    cold_start_spread: float = 0.15
    """Sigma of its logarithm."""
    grace_s: float = 630.0
    """A worker that leaves has so long to finish; what is left then goes back to the queue."""
    return_s: float = 15.0
    """Jobs of a worker that died wait so long for the end of its lease."""

    def speed(self, busy: int) -> float:
        """Of each of `busy` jobs in the engine, against being alone."""
        if busy <= 1 or not self.crowding:
            return 1.0
        return 1.0 / (1.0 + self.crowding * (busy - 1) / (self.engine_slots - 1))

    def jobs_per_s(self, work_s: float) -> float:
        """Most a worker can do of jobs that take `work_s` alone."""
        places = min(self.engine_slots, self.concurrency)
        return places * self.speed(places) / work_s


class State(Enum):
    WAITING = "waits for a node"
    STARTING = "starts"
    SERVING = "serves"
    LEAVING = "drains"
    GONE = "gone"


class Work:
    """A job on its way through the pool."""

    __slots__ = ("ask", "began_s", "ended_s", "first_began_s", "index", "tries")

    def __init__(self, ask: Ask, index: int) -> None:
        self.ask = ask
        self.index = index  # of its task and priority
        self.first_began_s: float | None = None
        self.began_s = 0.0
        self.ended_s: float | None = None
        self.tries = 0


class Pod:
    """A worker's jobs under processor sharing. Virtual time runs at the speed of each job, so that a job's end is known
    when it begins: virtual now + its work."""

    __slots__ = (
        "busy_s",
        "created_s",
        "gone_s",
        "held_since_s",
        "lane",
        "machine",
        "number",
        "others",
        "running",
        "seen_s",
        "speed",
        "state",
        "taken",
        "turn",
        "virtual_s",
    )

    def __init__(self, number: int, machine: Machine, now_s: float) -> None:
        self.number = number
        self.machine = machine
        self.state = State.WAITING
        self.created_s = now_s
        self.held_since_s: float | None = None  # since when it has a node
        self.gone_s: float | None = None
        self.running: list[tuple[float, int, Work]] = []
        self.lane: deque[Work] = deque()
        self.others = 0  # in hand that are not interactive
        self.virtual_s = 0.0
        self.seen_s = now_s
        self.speed = 1.0
        self.turn = 0  # outdates the end that was foreseen before
        self.busy_s = 0.0  # its engine's thread had something to do
        self.taken = 0

    @property
    def in_hand(self) -> int:
        return len(self.running) + len(self.lane)

    def has_room(self, priority: Priority) -> bool:
        if len(self.running) + len(self.lane) >= self.machine.concurrency:
            return False
        return priority is Priority.INTERACTIVE or self.others < self.machine.concurrency - self.machine.reserved

    def advance(self, now_s: float) -> None:
        passed_s = now_s - self.seen_s
        if passed_s > 0:
            self.virtual_s += passed_s * self.speed
            if self.running:
                self.busy_s += passed_s
            self.seen_s = now_s

    def take(self, work: Work, now_s: float) -> None:
        self.advance(now_s)
        if work.ask.priority is not Priority.INTERACTIVE:
            self.others += 1
        self.taken += 1
        if len(self.running) < self.machine.engine_slots:
            self._begin(work)
        else:
            self.lane.append(work)

    def first_end_s(self) -> float | None:
        """When the next job ends if nothing changes."""
        if not self.running:
            return None
        return self.seen_s + max(self.running[0][0] - self.virtual_s, 0.0) / self.speed

    def end(self, now_s: float) -> Work:
        """Takes out the job whose end was foreseen for now."""
        self.advance(now_s)
        _, _, work = heapq.heappop(self.running)
        if work.ask.priority is not Priority.INTERACTIVE:
            self.others -= 1
        if self.lane:
            self._begin(self.lane.popleft())
        else:
            self.speed = self.machine.speed(len(self.running))
        return work

    def give_up(self, now_s: float) -> list[Work]:
        """All it has in hand, which it won't finish."""
        self.advance(now_s)
        lost = [work for _, _, work in self.running] + list(self.lane)
        self.running.clear()
        self.lane.clear()
        self.others = 0
        self.speed = 1.0
        self.turn += 1
        return lost

    def _begin(self, work: Work) -> None:
        heapq.heappush(self.running, (self.virtual_s + work.ask.work_s, self.taken, work))
        self.speed = self.machine.speed(len(self.running))
