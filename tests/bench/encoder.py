"""Encoder engines offline: `engine_encoder` in a process of its own, which sentence-transformers can join."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.bench.outside import NotInstallable, sentence_transformers
from tests.bench.rounds import Run, table, tell
from tests.bench.worker import ROOT

ENGINE, VECTORS = "engine", "engine, vectors"


@dataclass(frozen=True)
class Plan:
    """Titles and arguments of `engine_encoder`, a table each."""

    rounds: int
    tables: Sequence[tuple[str, str]]
    is_full: bool = False


_MIDDLE = ("random BERT of 4 x 256, float32", "--texts 384 --layers 4 --hidden 256")
QUICK = Plan(1, [("random BERT of 2 x 128, float32", "--texts 64 --layers 2 --hidden 128")])
SHORT = Plan(3, [_MIDDLE])
FULL = Plan(
    5,
    [
        ("random BERT of 2 x 128, float32", "--texts 512 --layers 2 --hidden 128 --loads"),
        (_MIDDLE[0], f"{_MIDDLE[1]} --loads"),
        ("random BERT of 4 x 256, bfloat16", "--texts 384 --layers 4 --hidden 256 --dtype bfloat16"),
        ("bundled sentiment model, float32", "--texts 512 --starter"),
    ],
    is_full=True,
)


def sections(plan: Plan, *, rounds: int | None = None) -> list[str]:
    with ExitStack() as stack:
        python, reason = sys.executable, ""
        if plan.is_full:
            try:
                python = stack.enter_context(sentence_transformers())
            except NotInstallable as error:
                reason = f"sentence-transformers is absent: {error}."
        return [
            page
            for title, arguments in plan.tables
            for page in _pages(title, _measure(python, arguments, title, rounds or plan.rounds), reason)
        ]


def _pages(title: str, told: dict[str, Any], reason: str) -> list[str]:
    runs: dict[str, list[Run]] = defaultdict(list)
    for each in told["runs"]:
        runs[each["name"]].append(Run(each["texts"], each["cpu_s"], each["wall_s"]))
    vectors = {name: runs.pop(name) for name in (VECTORS, "sentence-transformers") if name in runs}
    loads = [f"{key.rsplit('_', 1)[1]}: {told[key]:.2f}" for key in told if key.startswith("at_load_")]
    note = f"Engine to one by one when so many texts wait: {', '.join(loads)}." if loads else ""
    pages = [table(f"Encoder engine offline: {title}", "texts", runs, baseline=ENGINE, times=True, note=note)]
    if vectors:
        pages.append(table(f"Vectors offline: {title}", "texts", vectors, baseline=VECTORS, times=True))
    return [*pages, reason] if reason else pages


def _measure(python: str, arguments: str, title: str, rounds: int) -> dict[str, Any]:
    tell(f"encoder, {title}, {rounds} rounds")
    command = [python, "-m", "tests.bench.engine_encoder", *arguments.split(), "--rounds", f"{rounds}", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told
