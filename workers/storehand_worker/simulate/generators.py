"""Built-in traffic, by seed. Rates are those a pool of a handful of GPU workers has; `scale` multiplies them.

Shapes: arrivals are Poisson around a rate that wanders (an AR(1) walk of its logarithm, a step a minute), because real
traffic is burstier than Poisson over minutes. Job sizes are lognormal; `size` multiplies them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import pairwise

from storehand.job import Priority
from storehand_worker.simulate.traffic import Ask, Span, Traffic

Rate = Callable[[float], float]
HOUR_S = 3600.0
STEP_S = 10.0
CHAT_S, COPY_S = 6.0, 12.0
"""Seconds a job takes alone: about 200 and 400 tokens at 33 a second and row."""
SIZE_SPREAD = 0.6


class _Noise:
    def __init__(self, dice: random.Random, *, sigma: float, memory: float = 0.9) -> None:
        self.dice, self.sigma, self.memory, self.level = dice, sigma, memory, 0.0

    def step(self) -> float:
        kick = self.sigma * math.sqrt(1 - self.memory**2)
        self.level = self.memory * self.level + self.dice.gauss(0.0, kick)
        return math.exp(self.level - self.sigma**2 / 2)


def _arrivals(dice: random.Random, rate: Rate, horizon_s: float, *, noise: float = 0.25) -> Iterator[float]:
    """Times; thinned step by step, so that the rate may be any function."""
    wander, factor = _Noise(dice, sigma=noise), 1.0
    at_s = 0.0
    while at_s < horizon_s:
        if at_s % 60 == 0:
            factor = wander.step() if noise else 1.0
        now_per_s = rate(at_s) * factor
        when_s = at_s
        while now_per_s > 0:
            when_s += dice.expovariate(now_per_s)
            if when_s >= at_s + STEP_S:
                break
            yield when_s
        at_s += STEP_S


def _size(dice: random.Random, mean_s: float, *, spread: float = SIZE_SPREAD) -> float:
    return dice.lognormvariate(math.log(mean_s) - spread**2 / 2, spread)


def _chats(dice: random.Random, rate: Rate, horizon_s: float, size: float, *, noise: float = 0.25) -> list[Ask]:
    times = _arrivals(dice, rate, horizon_s, noise=noise)
    return [Ask(at_s, Priority.INTERACTIVE, _size(dice, CHAT_S * size), "chat") for at_s in times]


def _copies(dice: random.Random, rate: Rate, horizon_s: float, size: float) -> list[Ask]:
    times = _arrivals(dice, rate, horizon_s)
    return [Ask(at_s, Priority.STANDARD, _size(dice, COPY_S * size), "description") for at_s in times]


def _merged(*parts: list[Ask]) -> list[Ask]:
    return sorted((ask for part in parts for ask in part), key=lambda ask: ask.at_s)


def _day(at_s: float) -> float:
    """Share of the mean: least at 4 h, most at 20 h, with a shoulder at noon."""
    hour = at_s / HOUR_S % 24
    wave = 1 + 0.75 * math.sin((hour - 14) / 24 * 2 * math.pi) + 0.2 * math.sin((hour - 8) / 12 * 2 * math.pi)
    return max(wave, 0.08)


def diurnal(seed: int, scale: float = 1.0, size: float = 1.0) -> Traffic:
    """A day: chats (2/s on average) and single descriptions (0.4/s), night and evening peak, noise."""
    dice, horizon_s = random.Random(f"diurnal {seed}"), 24 * HOUR_S  # noqa: S311 - a simulation
    chats = _chats(dice, lambda at_s: 2.0 * scale * _day(at_s), horizon_s, size)
    copies = _copies(dice, lambda at_s: 0.4 * scale * _day(at_s), horizon_s, size)
    return Traffic("diurnal", _merged(chats, copies), horizon_s)


def flash_sale(seed: int, scale: float = 1.0, size: float = 1.0) -> Traffic:
    """Three hours: 1 chat a second, nine times that within two minutes for 20 minutes, then 3/s, then 0.3/s."""
    dice, horizon_s = random.Random(f"flash {seed}"), 3 * HOUR_S  # noqa: S311 - a simulation
    corners = ((0, 1.0), (3600, 1.0), (3720, 9.0), (4920, 9.0), (5400, 3.0), (8100, 3.0), (8400, 0.3), (horizon_s, 0.3))

    def rate(at_s: float) -> float:
        for (start_s, low), (end_s, high) in pairwise(corners):
            if at_s < end_s:
                return scale * (low + (high - low) * (at_s - start_s) / (end_s - start_s))
        return 0.0

    return Traffic("flash-sale", _merged(_chats(dice, rate, horizon_s, size, noise=0.1)), horizon_s)


def bulk_night(seed: int, scale: float = 1.0, size: float = 1.0) -> Traffic:
    """Eight hours of 0.5 chats a second; at 1 h a catalogue of 20,000 descriptions comes within ten minutes."""
    dice, horizon_s = random.Random(f"bulk {seed}"), 8 * HOUR_S  # noqa: S311 - a simulation
    count = int(20_000 * scale)
    bulk = [
        Ask(HOUR_S + 600.0 * n / count, Priority.BULK, _size(dice, COPY_S * size, spread=0.4), "description")
        for n in range(count)
    ]
    chats = _chats(dice, lambda _: 0.5 * scale, horizon_s, size)
    return Traffic("bulk-night", _merged(bulk, chats), horizon_s, envelope_items=32)


def slow_jobs(seed: int, scale: float = 1.0, size: float = 1.0) -> Traffic:
    """Three hours of 2 chats a second; for 20 minutes every tenth takes ten times as long, and three workers die."""
    dice, horizon_s = random.Random(f"slow {seed}"), 3 * HOUR_S  # noqa: S311 - a simulation
    bad = Span(HOUR_S, HOUR_S + 1200)

    def heavier(ask: Ask) -> Ask:
        if ask.at_s in bad and dice.random() < 0.1:
            return Ask(ask.at_s, ask.priority, ask.work_s * 10, ask.task)
        return ask

    asks = [heavier(ask) for ask in _chats(dice, lambda _: 2.0 * scale, horizon_s, size)]
    deaths = tuple(bad.start_s + n * 300 for n in range(1, 4))
    return Traffic("slow-jobs", _merged(asks), horizon_s, crashes_s=deaths)


def broker_restart(seed: int, scale: float = 1.0, size: float = 1.0) -> Traffic:
    """Two hours of 3 chats a second; the broker is away for 90 s at 40 min, and for 30 s at 80 min."""
    dice, horizon_s = random.Random(f"broker {seed}"), 2 * HOUR_S  # noqa: S311 - a simulation
    asks = _merged(_chats(dice, lambda _: 3.0 * scale, horizon_s, size))
    return Traffic("broker-restart", asks, horizon_s, broker_away=(Span(2400, 2490), Span(4800, 4830)))


GENERATORS: dict[str, Callable[[int, float, float], Traffic]] = {
    "diurnal": diurnal,
    "flash-sale": flash_sale,
    "bulk-night": bulk_night,
    "slow-jobs": slow_jobs,
    "broker-restart": broker_restart,
}
