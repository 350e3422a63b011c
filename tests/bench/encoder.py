"""Encoder engines offline: `engine_encoder` in a process of its own, round after round."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.rounds import Run, table, tell
from tests.bench.worker import ROOT

ENGINE = "engine"


@dataclass(frozen=True)
class Plan:
    """Arguments of `engine_encoder`, one table each."""

    rounds: int
    tables: Sequence[tuple[str, Sequence[str]]] = field(
        default=(("random BERT of 4 x 256, float32", ("--texts", "512", "--layers", "4", "--hidden", "256")),)
    )


QUICK = Plan(1, (("random BERT of 2 x 128, float32", ("--texts", "64", "--layers", "2", "--hidden", "128")),))
SHORT = Plan(3)
FULL = Plan(
    5,
    (
        ("random BERT of 2 x 128, float32", ("--texts", "1024", "--layers", "2", "--hidden", "128")),
        *SHORT.tables,
        ("random BERT of 6 x 384, float32", ("--texts", "256", "--layers", "6", "--hidden", "384")),
    ),
)


def sections(plan: Plan, *, rounds: int | None = None) -> list[str]:
    return [_section(title, arguments, rounds or plan.rounds) for title, arguments in plan.tables]


def _section(title: str, arguments: Sequence[str], rounds: int) -> str:
    runs: dict[str, list[Run]] = defaultdict(list)
    more: dict[str, Any] = {}
    for number in range(rounds):
        tell(f"encoder, {title}, round {number + 1} of {rounds}")
        told = _measure(arguments)
        for each in told["runs"]:
            runs[each["name"]].append(Run(each["texts"], each["cpu_s"], each["wall_s"]))
        more = {key: value for key, value in told.items() if isinstance(value, int | float)}
    note = "Last round: " + ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in more.items()) + "."
    return table(f"Encoder engine offline: {title}", "texts", runs, baseline=ENGINE, times=True, note=note)


def _measure(arguments: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.engine_encoder", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told
