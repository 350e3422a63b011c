"""Text engines offline: Storehand's against `generate` and transformers' continuous batching, on random models."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.bench.engine_text import TextLoad
from tests.bench.generate import Generate, equality
from tests.bench.random_text import LARGE, MAX_TOKENS, MIDDLE, SMALL, Size, Work, make_model, make_work
from tests.bench.rounds import interleaved, table
from tests.bench.steps import sentence
from tests.bench.transformers_batching import Batching, Way, best_way
from tests.tiny_models import spec_of

SLOTS = 32
OURS = "storehand"


@dataclass(frozen=True)
class Plan:
    """How much each contender does of one size per round: those that are slow and linear do less. `sample` requests
    choose transformers' best setting; without any, the last size's choice stands."""

    size: Size
    rounds: int
    requests: int = 4 * SLOTS
    padded: int = 2 * SLOTS
    singles: int = 6
    sample: int = 0


QUICK = (Plan(Size("1M", 2, 128), rounds=1, requests=40, padded=32, singles=2),)
SHORT = (
    Plan(SMALL, rounds=2, sample=24),
    Plan(MIDDLE, rounds=1, padded=SLOTS, singles=3),
)
FULL = (
    Plan(SMALL, rounds=5, sample=64),
    Plan(MIDDLE, rounds=3, sample=32),
    Plan(LARGE, rounds=2, singles=3, padded=SLOTS),
)


def sections(plans: Sequence[Plan], *, rounds: int | None = None) -> list[str]:
    torch.set_num_threads(1)
    pages = []
    way = Way("sdpa", 512)
    for plan in plans:
        with tempfile.TemporaryDirectory(prefix="storehand-bench-") as folder:
            make_model(Path(folder), layers=plan.size.layers, hidden=plan.size.hidden)
            if plan.sample:
                way = best_way(folder, make_work(plan.sample, seed=-2))
            pages.append(_section(folder, plan, way, rounds=rounds or plan.rounds))
    return pages


def _section(folder: str, plan: Plan, way: Way, *, rounds: int) -> str:
    load = TextLoad(spec_of(folder, slots=SLOTS, max_tokens=MAX_TOKENS, batch_tokens=1024))
    generate, batching = Generate(folder), Batching(folder, way, rows=SLOTS)

    def work(number: int, requests: int) -> list[Work]:
        return make_work(plan.requests, seed=number)[:requests]

    runs = interleaved(
        f"text, {plan.size.name}",
        {
            "one by one `generate`": lambda number: generate.run(work(number, plan.singles)),
            "padded `generate`, 8 rows": lambda number: generate.run(work(number, plan.padded), batch=8),
            f"padded `generate`, {SLOTS} rows": lambda number: generate.run(work(number, plan.padded), batch=SLOTS),
            f"transformers' continuous batching ({way})": lambda number: batching.run(work(number, plan.requests)),
            OURS: lambda number: load.run(work(number, plan.requests)),
        },
        rounds=rounds,
    )
    steps = load.steps()
    equal = equality(generate, work(rounds - 1, plan.singles), load.texts[: plan.singles])
    load.close()
    title = f"Text engine offline: random Llama model of {plan.size.name} parameters, float32, {plan.requests} requests"
    note = f"{equal}. {steps['rows']:.1f} of {SLOTS} rows per step in the last run. {sentence(load.reports)}"
    return table(title, "tokens", runs, baseline=OURS, times=True, note=note)
