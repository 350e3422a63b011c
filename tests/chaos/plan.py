"""Which fault comes when: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`begin` and `end` name methods of `Hands`; without an `end` it is over at once. `needs`: a server of its own, or
    `network` for a worker in a network of its own."""

    name: str
    begin: str
    end: str | None = None
    needs: tuple[str, ...] = ()
    hold_s: tuple[float, float] = (1.0, 8.0)


FAULTS = (
    Fault("worker SIGKILL", "kill_worker"),
    Fault("worker SIGTERM", "terminate_worker"),
    Fault("worker SIGSTOP", "pause_worker", "resume_workers", hold_s=(1, 10)),
    Fault("broker restarts", "restart_broker", needs=("broker",)),
    Fault("broker kill -9", "kill_broker", "start_broker", needs=("broker",), hold_s=(0.5, 5)),
    Fault("broker SIGSTOP", "pause_broker", "resume_broker", needs=("broker",)),
    Fault("store kill -9", "kill_store", "start_store", needs=("store",), hold_s=(0.5, 5)),
    Fault("store SIGSTOP", "pause_store", "resume_store", needs=("store",)),
    Fault("all connections cut", "cut_all", needs=("broker",)),
    Fault("broker refuses workers", "refuse_broker_to_workers", "heal", needs=("broker",)),
    Fault("broker black hole, workers", "swallow_broker_of_workers", "heal", needs=("broker",)),
    Fault("broker black hole, clients", "swallow_broker_of_clients", "heal", needs=("broker",)),
    Fault("store black hole, workers", "swallow_store_of_workers", "heal", needs=("store",)),
    Fault("store black hole, clients", "swallow_store_of_clients", "heal", needs=("store",)),
    Fault("one worker's network cut", "cut_network", "heal_network", needs=("network",), hold_s=(2, 15)),
)


@dataclass(frozen=True)
class Planned:
    fault: Fault
    at_s: float
    hold_s: float


def plan(seed: int, duration_s: float, has: Sequence[str]) -> list[Planned]:
    """Faults one after the other with a breath between them, over by `duration_s`."""
    chance = random.Random(seed)
    possible = [fault for fault in FAULTS if all(need in has for need in fault.needs)]
    planned, at_s = list[Planned](), 2.0
    while True:
        fault = chance.choice(possible)
        hold_s = chance.uniform(*fault.hold_s) if fault.end else 0.0
        if at_s + hold_s > duration_s:
            return planned
        planned.append(Planned(fault, at_s, hold_s))
        at_s += hold_s + chance.uniform(0.5, 4.0)
