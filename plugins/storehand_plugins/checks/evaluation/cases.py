"""Authored products with a right and a wrong text each; in the wrong one, [[words|kind]] marks what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from storehand.contracts.product import Product

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_MARK = re.compile(r"\[\[(.+?)\|([a-z]+)\]\]")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong at `start` to `end`. `kind` is a claim's kind or `contradiction`."""

    start: int
    end: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Case:
    """`is_held_out`: a third, chosen by hash. It was read while the rules were tuned, so its figures flatter."""

    name: str
    language: Language
    product: Product
    right: str
    wrong: str
    marks: tuple[Mark, ...]
    is_held_out: bool


def read_cases(name: Literal["cases", "unseen", "fresh"] = "cases") -> list[Case]:
    """All cases, English first.

    `unseen` were written after the word lists; what was missed in them led to rules about a phrase's form. `fresh` were
    written after those, and nothing was changed for them: they tell what to expect of a shop whose words nobody has
    listed.
    """
    folder = resources.files("storehand_plugins.checks.evaluation")
    return [
        _case(json.loads(line), f"{language}-{index:02d}", language)
        for language in LANGUAGES
        for index, line in enumerate(folder.joinpath(f"{name}_{language}.jsonl").read_text("utf-8").splitlines(), 1)
    ]


def _case(row: dict[str, str], name: str, language: Language) -> Case:
    wrong, marks = _read_marks(row["wrong"])
    product = Product.model_validate(row["product"])
    third = int(hashlib.sha256(row["right"].encode()).hexdigest(), 16) % 3
    return Case(name, language, product, row["right"], wrong, marks, third == 0)


def _read_marks(marked: str) -> tuple[str, tuple[Mark, ...]]:
    text, marks, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        marks.append(Mark(len(text), len(text) + len(match[1]), match[1], match[2]))
        text += match[1]
        last = match.end()
    return text + marked[last:], tuple(marks)
