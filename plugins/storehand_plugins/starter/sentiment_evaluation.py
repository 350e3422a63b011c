"""Measures a classifier on the review sets: `python -m storehand_plugins.starter.sentiment_evaluation --help`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

from storehand_plugins.starter.sentiment_data import Measured, measured_sets
from storehand_plugins.starter.sentiment_grammar import NEGATIVE, NEUTRAL, POSITIVE

BATCH_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one set. On a set without neutral rows the model chooses between negative and positive only."""

    name: str
    n: int
    classes: int
    accuracy: float
    macro_f1: float


def probabilities(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], *, max_tokens: int
) -> torch.Tensor:
    """(texts, labels), in the order given; what is longer than the model reads is cut off."""
    rows = tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    found = torch.empty(len(rows), len(model.config.id2label or {}))
    model.eval()  # type: ignore[no-untyped-call]  # torch types its methods in part
    start = 0
    with torch.inference_mode():
        while start < len(order):
            end = start + 1
            while end < len(order) and len(rows[order[end]]) * (end + 1 - start) <= BATCH_TOKENS:
                end += 1
            chosen = order[start:end]
            batch = tokenizer.pad({"input_ids": [rows[index] for index in chosen]}, return_tensors="pt")
            found[chosen] = model(**batch).logits.float().softmax(-1)
            start = end
    return found


def figures(measured: Measured, found: torch.Tensor) -> Figures:
    gold = torch.tensor([example.label for example in measured.examples])
    classes = [NEGATIVE, NEUTRAL, POSITIVE] if bool((gold == NEUTRAL).any()) else [NEGATIVE, POSITIVE]
    guess = torch.tensor(classes)[found[:, classes].argmax(-1)]
    f1 = [_f1(guess == label, gold == label) for label in classes]
    return Figures(measured.name, len(gold), len(classes), float((guess == gold).float().mean()), sum(f1) / len(f1))


def _f1(guess: torch.Tensor, gold: torch.Tensor) -> float:
    hits = int((guess & gold).sum())
    return 2 * hits / max(1, int(guess.sum()) + int(gold.sum()))


def evaluate(folder: Path, data_dir: Path, *, most: int, half: int) -> list[Figures]:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    limit = model.config.max_position_embeddings
    return [
        figures(measured, probabilities(model, tokenizer, [row.text for row in measured.examples], max_tokens=limit))
        for measured in measured_sets(data_dir, most=most, half=half)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("sentiment"))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with sentiment_en/ and sentiment_zh/")
    parser.add_argument("--most", type=int, default=4000, help="rows of each set that is only measured on")
    parser.add_argument("--half", type=int, default=1, choices=(0, 1), help="0: for development, 1: for publishing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = evaluate(options.model, options.data_dir, most=options.most, half=options.half)
    console = Console()
    if options.json:
        console.print_json(json.dumps([asdict(row) for row in rows]))
        return
    table = Table("set", "n", "classes", "accuracy", "macro F1")
    for row in rows:
        table.add_row(row.name, str(row.n), str(row.classes), f"{row.accuracy:.3f}", f"{row.macro_f1:.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
