"""Measures aspect polarity on a labelled file: `python -m storehand_plugins.sentiment.evaluation FILE`.

FILE is .jsonl or .csv, plain or .gz, with the columns `text`, `aspect` (words of the text) and `polarity` (positive,
negative, neutral); `lang` and `split`, where they are there, group and choose. An aspect on which the task says nothing
counts as neutral. Needs `storehand[worker,models]`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from storehand.fakes import FakeContext
from storehand.task import Models
from storehand_plugins.sentiment.aspects import Name, Vocabulary, vocabulary
from storehand_plugins.sentiment.mentions import said_of
from storehand_plugins.sentiment.rating import Rater
from storehand_plugins.sentiment.reading import Reading, folded, read

LABELS = ("positive", "neutral", "negative")
BATCH = 500


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="aspect polarity: accuracy and macro F1")
    parser.add_argument("file", type=Path)
    parser.add_argument("--split", help="only rows whose column `split` says so")
    parser.add_argument("--limit", type=int, default=0, help="so many rows, chosen by a hash of their text")
    given = parser.parse_args(arguments)
    rows = [row for row in _rows(given.file) if given.split in (None, row.get("split"))]
    rows.sort(key=lambda row: hashlib.sha256(f"{row['text']}\n{row['aspect']}".encode()).hexdigest())
    rows = rows[: given.limit or None]
    for line in report(rows, predict(rows, _models())):
        print(line)  # noqa: T201  # a command's answer


def predict(rows: Sequence[Mapping[str, str]], models: Models) -> list[str]:
    """The polarity of each row's aspect in its text."""
    words = vocabulary()
    found: list[str] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        readings = [read(row["text"]) for row in part]
        asked = [_names(reading, row["aspect"], words) for reading, row in zip(readings, part, strict=True)]
        said = [
            said_of(number, reading, names, words.lexicon)
            for number, (reading, (names, _)) in enumerate(zip(readings, asked, strict=True))
        ]
        rated = Rater(models, FakeContext()).rate_said(readings, said)
        for (_, aspect), each in zip(asked, rated, strict=True):
            best = [statement for statement in each.statements if statement.aspect == aspect]
            found.append(max(best, key=lambda one: one.sureness).polarity if best else "neutral")
    return found


def report(rows: Sequence[Mapping[str, str]], found: Sequence[str]) -> Iterator[str]:
    """One line per language and one for all."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row, said in zip(rows, found, strict=True):
        pair = (row["polarity"].lower(), said)
        pairs["all"].append(pair)
        if "lang" in row:
            pairs[row["lang"]].append(pair)
    yield f"{'':6}{'n':>7}{'accuracy':>10}{'macro F1':>10}{'of those judged':>17}{'judged':>8}"
    for group in sorted(pairs, key=lambda name: (name == "all", name)):
        both = pairs[group]
        judged = [(right, said) for right, said in both if said != "neutral" and right != "neutral"]
        opinions = sum(right != "neutral" for right, _ in both)
        figures = (_accuracy(both), _f1(both), _accuracy(judged), len(judged) / (opinions or 1))
        yield f"{group:6}{len(both):7}{figures[0]:10.3f}{figures[1]:10.3f}{figures[2]:17.3f}{figures[3]:8.3f}"


def _accuracy(pairs: Sequence[tuple[str, str]]) -> float:
    return sum(right == said for right, said in pairs) / (len(pairs) or 1)


def _f1(pairs: Iterable[tuple[str, str]]) -> float:
    pairs = list(pairs)
    scores = []
    for label in LABELS:
        hits = sum(right == said == label for right, said in pairs)
        wrong = sum((right == label) != (said == label) for right, said in pairs)
        scores.append(2 * hits / (2 * hits + wrong) if hits else 0.0)
    return sum(scores) / len(scores)


def _names(reading: Reading, aspect: str, words: Vocabulary) -> tuple[list[Name], str]:
    """The asked aspect where it stands, with the meaning of the built-in word in it, beside all other names."""
    place = folded(aspect)
    start = reading.folded.find(place)
    names = words.find(reading.folded)
    if start < 0:
        return [], ""
    end = start + len(place)
    inside = [name for name in names if name.start < end and start < name.end]
    known = inside[0].aspect if inside else "asked"
    others = [name for name in names if name not in inside and name.aspect != known]
    asked = Name(start, end, known, any(name.judges for name in inside))
    return sorted([*others, asked], key=lambda name: name.start), known


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with _opened(file) as lines:
        if ".csv" in file.suffixes:
            yield from csv.DictReader(lines)
        else:
            yield from (json.loads(line) for line in lines if line.strip())


def _opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8", newline="")
    return file.open(encoding="utf-8", newline="")


def _models() -> Models:
    from storehand.testing import local_models
    from storehand_plugins.sentiment.task import SentimentTask

    return local_models([SentimentTask()])


if __name__ == "__main__":
    main(sys.argv[1:])
