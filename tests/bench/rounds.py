"""Contenders in turn, round after round, and the one table that shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console

from tests.bench.machine import Used, median

tell = Console(stderr=True, highlight=False).print


@dataclass(frozen=True)
class Run:
    """One contender's turn: how much work it did, and what that took of its whole process tree."""

    work: int
    cpu_s: float
    wall_s: float

    @classmethod
    def of(cls, used: Used, work: int) -> Run:
        return cls(work, used.cpu_s, used.wall_s)

    @property
    def per_cpu_s(self) -> float:
        return self.work / self.cpu_s

    @property
    def per_wall_s(self) -> float:
        return self.work / self.wall_s


Contender = Callable[[int], Run]
"""Given the number of the round: each round has work of its own, so that no cache of the last one helps."""
Runs = Mapping[str, list[Run]]


def interleaved(title: str, contenders: Mapping[str, Contender], *, rounds: int) -> dict[str, list[Run]]:
    """Every contender once per round, so that a change of the machine's mood meets all of them."""
    runs: dict[str, list[Run]] = defaultdict(list)
    for number in range(rounds):
        for name, run in contenders.items():
            runs[name].append(run(number))
            tell(f"{title}, round {number + 1} of {rounds}: {name} {runs[name][-1].per_cpu_s:.0f} per CPU s")
    return dict(runs)


def share(runs: Runs, name: str, other: str, *, wall: bool = False) -> list[float]:
    """Throughput of one contender over that of another, round by round."""
    pairs = zip(runs[name], runs[other], strict=True)
    return [a.per_wall_s / b.per_wall_s if wall else a.per_cpu_s / b.per_cpu_s for a, b in pairs]


def table(title: str, unit: str, runs: Runs, *, baseline: str, times: bool = False, note: str = "") -> str:
    """Medians over the rounds. Ratios are taken within a round: of the baseline, or with `times` how many times as
    fast as each contender the baseline is."""
    head = f"{baseline} to it" if times else f"of {baseline}"
    rows = [
        f"### {title}\n",
        *([note + "\n"] if note else []),
        f"| contender | {unit} per CPU s | {head}, median (lowest-highest) | {unit} per s (wall) | {head} |",
        "|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        pair = (baseline, name) if times else (name, baseline)
        cpu, wall = share(runs, *pair), share(runs, *pair, wall=True)
        rows.append(
            f"| {name} | {median([run.per_cpu_s for run in each]):.0f} | {_spread(cpu)} "
            f"| {median([run.per_wall_s for run in each]):.0f} | {median(wall):.2f} |"
        )
    return "\n".join(rows) + "\n"


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
