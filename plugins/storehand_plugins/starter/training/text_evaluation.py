"""Measures a text model with slots: `python -m storehand_plugins.starter.training.text_evaluation --help`.

Plans come from seeds that no training run uses. "sound" counts rows whose every slot stands exactly once and in its
place, "coverage" the slots that are there; "own digits" must be none.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from storehand.contracts.description import DescriptionInput, DescriptionOutput
from storehand.contracts.product import Product
from storehand.fakes import FakeContext
from storehand.settings import ModelBinding
from storehand.task import GenerateOptions, Models
from storehand.testing import local_models
from storehand_plugins.description import DescriptionTask
from storehand_plugins.description.drafts import Reading, read
from storehand_plugins.description.kinds import LANGUAGES, Language
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.writers import ROLE, SLOT_TOKENS
from storehand_plugins.starter.training.corpus import random_plan

HELD_OUT_SEED = 1_000_003
CATALOGUE = Path(__file__).parent.parent / "catalogue.jsonl"
SAMPLED = GenerateOptions(max_new_tokens=SLOT_TOKENS, temperature=0.6, top_p=0.9, n=4, seed=11)
GREEDY = GenerateOptions(max_new_tokens=SLOT_TOKENS)
THREADS = 16


def held_out_plans(language: Language, count: int) -> list[Plan]:
    """Random plans that training has not drawn."""
    rng = random.Random(HELD_OUT_SEED)  # noqa: S311  # evaluation data, no secrets
    return [replace(random_plan(rng), language=language) for _ in range(count)]


def readings(models: Models, plans: Sequence[Plan], options: GenerateOptions) -> list[list[Reading]]:
    """Every plan's samples, read."""

    def ask(plan: Plan) -> list[Reading]:
        return [read(each.text, plan) for each in models.generate(ROLE, plan.prompt(), options)]

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(ask, plans))


def coverage(reading: Reading, plan: Plan) -> float:
    """Share of the facts that are there."""
    return 1 - len(reading.missing) / len(plan.facts) if plan.facts else 1.0


def describe(models_of: Callable[[FakeContext], Models], products: Sequence[Product]) -> list[DescriptionOutput]:
    """The task's answers for these products."""
    task = DescriptionTask()

    def run(product: Product) -> DescriptionOutput:
        context = FakeContext(job_id=product.name)
        return task.run(DescriptionInput(product=product), models_of(context), context)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, products))


def catalogue() -> list[Product]:
    """The demo's products."""
    return [Product.model_validate(json.loads(line)) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]


def _grammar_table(models: Models, rows: int) -> Table:
    table = Table(
        "language", "decoding", "coverage", "sound", "own digits", title=f"{rows} held-out plans per language"
    )
    for language in LANGUAGES:
        plans = held_out_plans(language, rows)
        for name, options in (("greedy", GREEDY), ("best of 4", SAMPLED)):
            best = [
                min(each, key=lambda r: (len(r.faults), len(r.missing))) for each in readings(models, plans, options)
            ]
            covered = sum(coverage(reading, plan) for reading, plan in zip(best, plans, strict=True)) / rows
            sound = sum(reading.is_sound for reading in best) / rows
            digits = sum(any("digit" in fault for fault in reading.faults) for reading in best)
            table.add_row(language, name, f"{covered:.3f}", f"{sound:.3f}", str(digits))
    return table


def _catalogue_table(outputs: Sequence[DescriptionOutput]) -> Table:
    table = Table("language", "products", "by the model", "coverage", "unsupported", title="the demo's catalogue")
    for language in LANGUAGES:
        chosen = [(output, output.best) for output in outputs if output.locale == language]
        by_model = sum(variant.written_by == "model" for _, variant in chosen)
        covered = sum(variant.attribute_coverage for _, variant in chosen) / len(chosen)
        claims = sum(len(variant.unsupported_claims) for _, variant in chosen)
        table.add_row(language, str(len(chosen)), str(by_model), f"{covered:.3f}", str(claims))
    return table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starter", help="folder of the model; default the bundled one")
    parser.add_argument("--rows", type=int, default=100, help="held-out plans per language")
    parser.add_argument("--show", type=int, default=0, help="print so many descriptions of the catalogue")
    options = parser.parse_args()
    models = local_models([DescriptionTask()], {ROLE: ModelBinding(model=options.model)})
    console = Console()
    console.print(_grammar_table(models, options.rows))
    outputs = describe(lambda context: models, catalogue())
    console.print(_catalogue_table(outputs))
    for output in outputs[: options.show]:
        console.print(f"[bold]{output.best.title}[/bold]\n{output.best.description}\n", highlight=False)


if __name__ == "__main__":
    main()
