"""How many workers a pool needs: one rule, the same for KEDA, HPA, dashboards and the simulator. Pure; no clock.

    required = sum over tasks and priorities of  S / max(c, L) * (lam / rho + Q / D)

S seconds a job holds a slot, c slots of a worker, L jobs that a serving worker has in hand, lam arrivals per second,
rho the share of slots that arrivals may fill, Q jobs that wait, D the time to work them off. The first term is the
utilization law (slots in use = lam * S, Little 1961); the second is the work that waits, `Q * S` slot-seconds, spread
over D. They add: to end a backlog within D beside what arrives meanwhile takes `N * c * D / S >= lam * D + Q`.

A job costs S / L seconds of a worker. Engines that batch slow down as they fill, so S is long because L is: an
overfull worker (L > c) would otherwise be counted twice, and a pool called up far too large (docs/scaling.md). Below c
a worker has room, and S / c is what a job will cost when it has filled.

Bulk arrivals have no first term. Their wait objective is long, so Q / D alone is enough: under a steady stream the
queue settles at lam * D, which is a wait of D, a third of the objective; and 10,000 products that come in one minute
ask for what works them off within D, not for what would work them off in that minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from storehand.job import Priority
from storehand.pools import Pool


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of a pool by one task at one priority."""

    priority: Priority
    arrivals_per_s: float
    waiting: float
    """Jobs that are due and not begun."""
    service_s: float
    """Claimed to ended: the larger of the means of 5 and of 30 minutes."""


def required_workers(pool: Pool, demands: Iterable[Demand], *, in_hand: float = 0.0) -> float:
    """Workers that keep the promise, not rounded and not bounded; 0 only where nothing arrives and nothing waits.

    `in_hand`: running jobs per serving worker, means of 5 minutes; 0 where it is not known or none serves.
    """
    return sum(_slots(pool, demand) for demand in demands) / max(pool.slots, in_hand)


def _slots(pool: Pool, demand: Demand) -> float:
    arriving = 0.0 if demand.priority is Priority.BULK else demand.arrivals_per_s / pool.utilization
    return demand.service_s * (arriving + demand.waiting / pool.catch_up(demand.priority))


def desired_workers(pool: Pool, required: float) -> int:
    """What an autoscaler makes of it: rounded up, within the pool's bounds."""
    return min(max(math.ceil(required - 1e-9), pool.min_workers), pool.max_workers)


def work_waiting_s(pool: Pool, demands: Iterable[Demand]) -> float:
    """Seconds one worker alone would need for all that waits."""
    return sum(demand.waiting * demand.service_s for demand in demands) / pool.slots


def backlog_s(work_s: float, ready_workers: float) -> float:
    """Seconds until what waits now is done, with the workers there are; without one, with the first that comes."""
    return work_s / max(ready_workers, 1)
