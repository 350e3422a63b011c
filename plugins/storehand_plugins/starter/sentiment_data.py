"""The labelled reviews that the starter classifier is trained and measured on.

Trained on: two free English sets and our own grammar. Measured besides: sets that may be looked at, never learnt from.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storehand_plugins.starter.sentiment_grammar import NEGATIVE, NEUTRAL, POSITIVE

TRAINING_SETS = ("womens_clothing", "uci_sentences")
"""CC0 and CC BY 4.0: weights learnt from them may be given away."""

MEASURING_SETS = {
    "sentiment_zh": ("online_shopping", "waimai", "hotel", "eprstmt"),
    "sentiment_en": ("amazon_polarity", "sst2"),
}
"""No licence, or research only: nothing of them goes into the weights or into the project."""

_LABELS = {"0": NEGATIVE, "1": POSITIVE, "2": NEUTRAL}


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    label: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A set to measure on."""

    name: str
    examples: tuple[Example, ...]


def training_examples(folder: Path) -> list[Example]:
    """Everything of the free sets but the held-out tenth; a review's title is an example of its own."""
    examples: list[Example] = []
    for name in TRAINING_SETS:
        for row in _rows(folder / "sentiment_en" / f"{name}.csv.gz"):
            if not _is_held_out(row["text"]):
                examples.extend(_examples(row))
    return examples


def measured_sets(folder: Path, *, most: int, half: int) -> Iterator[Measured]:
    """The held-out tenth of the free sets, and a sample of the others.

    `half` 0 is looked at while the grammar grows, 1 gives the published figures.
    """
    for name in TRAINING_SETS:
        rows = (row for row in _rows(folder / "sentiment_en" / f"{name}.csv.gz") if _is_held_out(row["text"]))
        yield Measured(name, tuple(Example(_whole(row), _LABELS[row["label"]]) for row in rows))
    for part, names in MEASURING_SETS.items():
        for name in names:
            rows = (row for row in _rows(folder / part / f"{name}.csv.gz") if _hash(row["text"]) % 2 == half)
            chosen = sorted(rows, key=lambda row: _hash(row["text"]))[:most]
            yield Measured(name, tuple(Example(row["text"], _LABELS[row["label"]]) for row in chosen))


def has_training_sets(folder: Path) -> bool:
    return all((folder / "sentiment_en" / f"{name}.csv.gz").is_file() for name in TRAINING_SETS)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _examples(row: dict[str, str]) -> Iterator[Example]:
    label = _LABELS[row["label"]]
    yield Example(_whole(row), label)
    if row.get("title") and label != NEUTRAL:
        yield Example(row["title"], label)


def _whole(row: dict[str, str]) -> str:
    return f"{row['title']}. {row['text']}" if row.get("title") else row["text"]


def _is_held_out(text: str) -> bool:
    return _hash(text) % 10 == 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
