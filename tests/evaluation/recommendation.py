"""How good the served recommendations are on Online Retail: `python -m tests.evaluation.recommendation`.

Global time split: the model is trained, by `storehand train recommender`, on what was bought before SPLIT, and asked
for the first visit of every returning shopper after it, through the task itself on the encoder engine. All items are
ranked, items that were not on sale before SPLIT count as missed. `exclude`: only items the shopper never had are asked
for. `allow`: everything is. The lead over each floor comes with its 95 % interval: shoppers drawn again and again with
replacement, the same for both sides.

Online Retail (Chen, Sain and Guo 2012, UCI, CC BY 4.0) in DATA/recsys_online_retail: interactions.csv.gz, items.csv.gz.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from storehand.contracts.recommendation import RecommendationInput, UserEvent
from storehand.settings import ModelBinding
from storehand.task import Models
from storehand.testing import FakeContext, local_models
from storehand_plugins.recommendation import RecommendationTask
from storehand_plugins.recommendation.folder import open_model
from storehand_plugins.recommendation.train.card import PROTOCOLS, figure_rows
from storehand_plugins.recommendation.train.histories import Events
from storehand_plugins.recommendation.train.measuring import FLOORS, Figures, by_shopper, cases, floor_lists, measure
from storehand_plugins.recommendation.train.reading import read_shop, read_time

SERVED = "served recommendations"
DRAWS = 2000
SPLIT = "2011-09-01"
FEES = ("POST", "DOT", "M", "BANK CHARGES", "C2", "PADS")
NEWEST = 1000
"""Events that one request may have."""

TASK = RecommendationTask()
DATA = Path(__file__).parents[2].parent / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds recsys_online_retail/")
    parser.add_argument("--split", default=SPLIT, help="train before this day, test from it on")
    parser.add_argument(
        "--model", type=Path, help="a folder trained before the split; default: train one now (minutes)"
    )
    parser.add_argument("--epochs", type=int, default=14)
    options = parser.parse_args()
    folder = options.data / "recsys_online_retail"
    if not (folder / "interactions.csv.gz").is_file():
        print(f"skipped: no interactions.csv.gz in {folder}; Online Retail is not shipped with Storehand")
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as scratch:
        model = options.model or train(folder, options.split, Path(scratch), epochs=options.epochs)
        evaluate(folder, options.split, model)


def train(folder: Path, split: str, scratch: Path, *, epochs: int) -> Path:
    """Runs the command a shop would run, on the rows before the split."""
    before, model = scratch / "before.csv", scratch / "model"
    with gzip.open(folder / "interactions.csv.gz", "rt", encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        with before.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, reader.fieldnames or ())
            writer.writeheader()
            writer.writerows(row for row in reader if row["time"] < split)
    command = [
        sys.executable, "-m", "storehand.cli", "train", "recommender", "--events", str(before),
        "--items", str(folder / "items.csv.gz"), "--exclude", ",".join(FEES), "--epochs", str(epochs), "-o", str(model),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"training took {(used.ru_utime + used.ru_stime) / 60:.1f} CPU minutes")
    return model


def evaluate(folder: Path, split: str, model_folder: Path) -> None:
    binding = ModelBinding(model=str(model_folder), device="cpu", max_tokens=512)
    models = local_models([TASK], {"recommender": binding})
    model = open_model(models.info("recommender"))
    shop = read_shop(folder / "interactions.csv.gz", folder / "items.csv.gz", exclude=frozenset(FEES))
    skus = [item.sku for item in shop.items]
    moment = read_time(split) or 0.0
    found = cases(_renumbered(shop.events, [model.catalogue.number_of.get(sku, -1) for sku in skus]), moment)
    inputs = _inputs(shop.events.before(moment), skus)
    known = len(model.catalogue)
    console = Console(width=150)
    console.print(f"{len(found):,} shoppers with a past who came back from {split} on; {known:,} items, all ranked")
    for seen, title in PROTOCOLS.items():
        asked = [inputs[case.shopper].model_copy(update={"seen": seen}) for case in found]
        served = [[model.catalogue.number_of[sku] for sku in answer] for answer in _served(models, asked)]
        targets = [case.targets(seen) for case in found]
        lists = {name: floor_lists(floor, model.tables, found, seen) for name, floor in FLOORS.items()}
        rows = {name: measure(each, targets, items=known) for name, each in {**lists, SERVED: served}.items()}
        leads = {name: lead(by_shopper(served, targets), by_shopper(each, targets)) for name, each in lists.items()}
        _print(console, title, rows, leads)
    _print_speed(console, models, list(inputs.values())[:400], known)


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one list beats another on the same shoppers, with the 95 % interval of the bootstrap."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def lead(served: Any, floor: Any) -> tuple[Lead, Lead]:
    """Of the hit rate and of NDCG; rows are shoppers."""
    difference = served[:, :2] - floor[:, :2]
    drawn = np.random.default_rng(0).integers(0, len(difference), (DRAWS, len(difference)))
    means = np.stack([difference[chosen].mean(axis=0) for chosen in drawn])
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    hit_rate, ndcg = (Lead(*map(float, each)) for each in zip(difference.mean(axis=0), low, high, strict=True))
    return hit_rate, ndcg


def _renumbered(events: Events, numbers: Sequence[int]) -> Events:
    """Items by the model's numbers; those it never saw keep one of their own, which no list can hit."""
    beyond = len(numbers) + np.arange(len(numbers))
    table = np.where(np.array(numbers) >= 0, np.array(numbers), beyond)
    return Events(events.shopper, table[events.item], events.kind, events.at)


def _inputs(events: Events, skus: Sequence[str]) -> dict[int, RecommendationInput]:
    """What a shop would send for each shopper: the newest events, as purchases with their time."""
    rows: dict[int, list[UserEvent]] = {}
    for shopper, item, at in zip(events.shopper.tolist(), events.item.tolist(), events.at.tolist(), strict=True):
        event = UserEvent(type="purchase", sku=str(skus[int(item)]), ts=datetime.fromtimestamp(at, UTC))
        rows.setdefault(shopper, []).append(event)
    return {
        shopper: RecommendationInput(events=tuple(own[-NEWEST:]), k=10, explain=False) for shopper, own in rows.items()
    }


def _served(models: Models, inputs: Sequence[RecommendationInput]) -> list[list[str]]:
    """Side by side, as a worker does it."""

    def ask(given: RecommendationInput) -> list[str]:
        return [item.sku for item in TASK.run(given, models, FakeContext()).items]

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(ask, inputs))


def _print(console: Console, title: str, rows: dict[str, Figures], leads: dict[str, tuple[Lead, Lead]]) -> None:
    table = Table(
        "", "HR@10", "NDCG@10", "recall@10", "coverage", "served leads by (HR)", "served leads by (NDCG)",
        title=f"{title}: {rows[SERVED].n:,} shoppers",
    )  # fmt: skip
    for row in figure_rows(rows):
        table.add_row(*row, *map(str, leads.get(row[0], ())))
    console.print(table)


def _print_speed(console: Console, models: Models, inputs: Sequence[RecommendationInput], items: int) -> None:
    inputs = [given.model_copy(update={"explain": True}) for given in inputs]
    waits = []
    for given in inputs:
        started = time.perf_counter()
        TASK.run(given, models, FakeContext())
        waits.append(time.perf_counter() - started)
    cpu = time.process_time()
    _served(models, inputs)
    cpu = time.process_time() - cpu
    events = statistics.mean(len(given.events) for given in inputs)
    console.print(
        f"{len(inputs)} requests of {events:.0f} events over {items:,} items, with reasons: {len(inputs) / cpu:,.0f} "
        f"recommendations per CPU second side by side; alone p50 {1000 * statistics.median(waits):.1f} ms, "
        f"p95 {1000 * sorted(waits)[int(0.95 * len(waits))]:.1f} ms"
    )


if __name__ == "__main__":
    main()
