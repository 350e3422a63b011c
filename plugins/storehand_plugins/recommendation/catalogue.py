"""The items a model folder knows: what they are called, where they belong, what they cost, whether they are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from storehand.contracts.recommendation import ItemFilter
from storehand_plugins.recommendation.texts import TextIndex

FILE = "items.jsonl"
_HAN = re.compile(r"[\u3400-\u9fff]")
_GONE = ("OutOfStock", "Discontinued")


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `text` is whatever else its product says, for likeness. `shoppers`, `first_seen` and `last_seen` (days,
    ISO 8601) say what the events of the training knew of it; people read them, ranking does not."""

    sku: str
    name: str | None = None
    brand: str | None = None
    category: str | None = None
    price: str | None = None
    currency: str | None = None
    availability: str | None = None
    language: str | None = None
    markets: tuple[str, ...] = ()
    text: str = ""
    shoppers: int | None = None
    first_seen: str | None = None
    last_seen: str | None = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Item:
        known = {field.name for field in fields(cls)}
        said: dict[str, Any] = {name: value for name, value in row.items() if name in known}
        said["markets"] = tuple(said.get("markets", ()))
        return cls(**said)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, "", ())}

    @property
    def words(self) -> str:
        """All its text; the name counts twice."""
        parts = (self.name, self.name, self.brand, self.category, self.text)
        return " ".join(part for part in parts if part)

    @property
    def steps(self) -> tuple[str, ...]:
        return category_steps(self.category or "")


def category_steps(path: str) -> tuple[str, ...]:
    """`Kitchen > Kettles` as steps to compare."""
    return tuple(step.strip().casefold() for step in path.split(">") if step.strip())


def language_of(item: Item) -> str:
    """`zh` or `en` (or what the shop says): as stated, else by the script of the name."""
    if item.language:
        return item.language.split("-")[0].lower()
    return "zh" if _HAN.search(item.name or "") else "en"


class Catalogue:
    """Items by number, and questions about all of them at once: every mask is a boolean array [items]."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = tuple(items)
        self.number_of = {item.sku: number for number, item in enumerate(self.items)}
        self.steps = [item.steps for item in self.items]
        self.brands = [(item.brand or "").casefold() for item in self.items]
        self.languages = [language_of(item) for item in self.items]
        self._prices = np.array([float(Decimal(item.price)) if item.price else np.nan for item in self.items])
        self._languages = np.array(self.languages)
        self._is_bound = np.array([bool(item.markets) for item in self.items], bool)
        self._is_there = np.array([item.availability not in _GONE for item in self.items], bool)

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        with (folder / FILE).open(encoding="utf-8") as lines:
            return cls(Item.from_json(json.loads(line)) for line in lines if line.strip())

    def save(self, folder: Path) -> None:
        lines = (json.dumps(item.to_json(), ensure_ascii=False) for item in self.items)
        (folder / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    @cached_property
    def texts(self) -> TextIndex:
        return TextIndex([item.words for item in self.items])

    @cached_property
    def is_bilingual(self) -> bool:
        return len(set(self.languages)) > 1

    def numbers(self, skus: Iterable[str]) -> list[int]:
        """Those that are known, in order, each once."""
        return list(dict.fromkeys(self.number_of[sku] for sku in skus if sku in self.number_of))

    def only(self, numbers: Iterable[int]) -> Any:
        mask = np.zeros(len(self), bool)
        mask[list(numbers)] = True
        return mask

    def fits(self, wanted: ItemFilter) -> Any:
        """Items that pass the filter."""
        mask = self._is_there.copy() if wanted.in_stock else np.ones(len(self), bool)
        if wanted.categories:
            paths = [category_steps(path) for path in wanted.categories]
            mask &= np.array([any(_is_under(steps, path) for path in paths) for steps in self.steps], bool)
        if wanted.brands:
            brands = {brand.casefold() for brand in wanted.brands}
            mask &= np.array([brand in brands for brand in self.brands], bool)
        with np.errstate(invalid="ignore"):  # an item without a price passes no bound
            if wanted.price_min is not None:
                mask &= self._prices >= float(wanted.price_min)
            if wanted.price_max is not None:
                mask &= self._prices <= float(wanted.price_max)
        return mask

    def sold_in(self, markets: Iterable[str]) -> Any:
        """Items for any of these markets; an item that names none is for all."""
        wanted = set(markets)
        if not wanted or not self._is_bound.any():
            return np.ones(len(self), bool)
        return np.array([not item.markets or bool(wanted & set(item.markets)) for item in self.items], bool)

    def speaks(self, language: str) -> Any:
        """Items in this language, where the catalogue has several and this is one of them."""
        if not self.is_bilingual or language not in self.languages:
            return np.ones(len(self), bool)
        found: Any = self._languages == language
        return found


def _is_under(steps: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """`Kitchen` and `Kitchen > Kettles` hold a kettle, and so does its last step alone, `Kettles`."""
    return bool(path) and (steps[: len(path)] == path or (len(path) == 1 and path[0] in steps))
