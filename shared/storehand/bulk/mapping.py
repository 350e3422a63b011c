"""Which column goes where: found by known names, settled by the user's words, applied row by row."""

from __future__ import annotations

import copy
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any

from storehand.bulk.cells import is_empty
from storehand.bulk.contract import Contract, Target
from storehand.bulk.convert import Converter, attribute
from storehand.bulk.names import IDS
from storehand.bulk.shape import Shape

ATTRIBUTE_MAX = 200
"""Characters of an attribute in the contract."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A column and its place; `currency` where the column's name tells it (`price_usd`)."""

    column: str
    target: Target
    currency: str | None = None
    is_explicit: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns that are one attribute: its name and its value (Shopify options, WooCommerce attributes)."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for all rows; it wins over a column."""

    target: Target
    value: Any


@dataclass(slots=True)
class Mapping:
    """`document` is what a row becomes: the job's own part, and the element it adds to the shape's list."""

    shape: Shape
    contract: Contract
    bound: list[Bound] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    converter: Converter = field(default_factory=Converter)
    id_column: str | None = None
    group_column: str | None = None
    takes_other_columns: bool = False
    """`--attributes '*'` also takes keys that only later rows have."""

    def document(self, row: AnyMapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
        root: dict[str, Any] = {}
        for each in self.bound:
            cell = row.get(each.column)
            if not is_empty(cell):
                value = copy.deepcopy(cell) if isinstance(cell, dict | list) else cell
                self.converter.place(root, each.target, value, currency=each.currency)
        self._add_attributes(root, row)
        for constant in self.constants:
            force(root, constant.target.path.split("."), copy.deepcopy(constant.value))
        for product in (root.get("product"), root.get("products")):
            self.converter.finish(product)
        if self.shape.item is None:
            return root, None
        item = root.get(self.shape.item)
        if isinstance(item, dict):
            del root[self.shape.item]
            return root, item
        return root, None  # the row is in the contract's own form, with its whole list

    def own_id(self, row: AnyMapping[str, Any]) -> str | None:
        cell = row.get(self.id_column) if self.id_column else None
        return None if is_empty(cell) else str(cell).strip()[:200]

    def column_of(self, path: str) -> str:
        """The column behind a path of a refusal, indexes and all; empty where no column feeds it."""
        plain = ".".join(step for step in path.split(".") if not step.isdigit())
        inside = [each for each in self.bound if plain == each.target.path or plain.startswith(each.target.path + ".")]
        around = [each for each in self.bound if each.target.path.startswith(plain + ".")] if plain else []
        return next((each.column for each in (*inside, *around)), "")

    def columns_for(self, path: str) -> list[str]:
        return [each.column for each in self.bound if each.target.path == path]

    def _add_attributes(self, root: dict[str, Any], row: AnyMapping[str, Any]) -> None:
        place = self.shape.attributes
        if place is None:
            return
        wanted = self.attributes
        if self.takes_other_columns:
            used = {
                *self.attributes,
                *(each.column for each in self.bound),
                *(x for p in self.pairs for x in (p.name, p.value)),
            }
            wanted = [*wanted, *(name for name in row if name not in used)]
        found = [attribute(name, row[name]) for name in wanted if not is_empty(row.get(name))]
        if self.takes_other_columns:
            found = [each for each in found if self._is_fact(each)]
        for pair in self.pairs:
            name, value = row.get(pair.name), row.get(pair.value)
            if not is_empty(name) and not is_empty(value) and (name, value) != ("Title", "Default Title"):
                found.append(attribute(str(name), value))
        if found:
            target = Target(place, "objects")
            self.converter.place(root, target, found)

    def _is_fact(self, found: dict[str, Any]) -> bool:
        """Of all columns some hold whole texts; one of them must not cost the row."""
        is_short = len(str(found["value"])) <= ATTRIBUTE_MAX and len(found["name"]) <= ATTRIBUTE_MAX
        if not is_short and found["name"] not in self.attributes:
            self.converter.notes[f"column {found['name'][:40]!r} left out: over {ATTRIBUTE_MAX} characters"] += 1
            return False
        return True


def choose_id(shape: Shape, bound: list[Bound], columns: tuple[str, ...], folded: Any) -> str | None:
    """The column that names a row: a shop's handle first, then what the contract calls the id, then any id."""
    handle = next((name for name in columns if folded(name) == "handle"), None)
    by_path = {each.target.path: each.column for each in reversed(bound)}
    known = next((by_path[path] for path in shape.ids if path in by_path), None)
    plain = [name for wanted in map(folded, IDS) for name in columns if folded(name) == wanted]
    return handle or known or (plain[0] if plain else None)


def force(document: dict[str, Any], steps: list[str], value: Any) -> None:
    """Puts a value at a path, whatever lies on the way."""
    for step in steps[:-1]:
        if not isinstance(document.get(step), dict):
            document[step] = {}
        document = document[step]
    document[steps[-1]] = value
