"""The numbers of a recommender's items: vectors, popularity and who was bought with whom; one safetensors file."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

FILE = "items.safetensors"
_HALVES = ("vectors", "together.nearness", "later.nearness")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each item its nearest others: `index` [items, k] (where there are fewer, the number of items stands),
    `nearness` [items, k] from 0 to 1, `shoppers` [items, k] behind it."""

    index: Any
    nearness: Any
    shoppers: Any

    def spread(self, items: Any, weights: Any) -> Any:
        """What some items, with their weights, say for every item."""
        count = len(self.index)
        reached = self.index[items].ravel()
        strength = (self.nearness[items] * np.asarray(weights, np.float32)[:, None]).ravel()
        return np.bincount(reached, weights=strength, minlength=count + 1)[:count].astype(np.float32)


@dataclass(frozen=True)
class ItemTables:
    """Arrays by item number. `vectors` and `bias` belong to the sequence model; `shoppers`, `month` and `week` count
    who bought the item ever and in the last 28 and 7 days of the events; `together` is bought on one visit, `later` on
    the visit after; `is_cold`: nobody has come near it yet."""

    vectors: Any
    bias: Any
    shoppers: Any
    month: Any
    week: Any
    is_cold: Any
    together: Neighbours
    later: Neighbours

    @property
    def count(self) -> int:
        return len(self.bias)

    @cached_property
    def popularity(self) -> Any:
        """[3, items]: ever, month, week, as logarithms. An item nobody could buy yet stands where a usual one does: it
        must have a chance."""
        counts = np.stack([self.shoppers, self.month, self.week])
        if self.is_cold.any() and not self.is_cold.all():
            usual = np.quantile(counts[:, ~self.is_cold], 0.5, axis=1)
            counts = np.where(self.is_cold, usual[:, None], counts)
        return np.log1p(counts).astype(np.float32)

    def in_single(self) -> ItemTables:
        """The same in the precision that serving computes in: what is weighed in training must be what is served."""
        changed = {name: _single(getattr(self, name)) for name in ("vectors", "bias")}
        for name in ("together", "later"):
            near: Neighbours = getattr(self, name)
            changed[name] = replace(near, nearness=_single(near.nearness))
        return replace(self, **changed)

    def save(self, folder: Path) -> None:
        """Vectors and nearness in half precision."""
        from safetensors.numpy import save_file

        arrays: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Neighbours):
                for part in fields(value):
                    arrays[f"{field.name}.{part.name}"] = getattr(value, part.name)
            else:
                arrays[field.name] = value
        for name in _HALVES:
            arrays[name] = arrays[name].astype(np.float16)
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        save_file(arrays, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> ItemTables:
        """Half precision on disk, single in memory."""
        from safetensors.numpy import load_file

        arrays = {name: _single(array) for name, array in load_file(folder / FILE).items()}
        pairs = {
            name: Neighbours(**{part.name: arrays.pop(f"{name}.{part.name}") for part in fields(Neighbours)})
            for name in ("together", "later")
        }
        return cls(**arrays, **pairs)


def _single(array: Any) -> Any:
    return array.astype(np.float32) if array.dtype == np.float16 else array
