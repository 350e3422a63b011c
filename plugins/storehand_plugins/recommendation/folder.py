"""A recommender's model folder, opened: all that serving needs beside the network, kept while it stays the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from storehand.errors import ModelNotAvailable
from storehand.task import ModelInfo
from storehand_plugins.recommendation import catalogue, tables
from storehand_plugins.recommendation.catalogue import Catalogue
from storehand_plugins.recommendation.tables import ItemTables

FORMAT = "items"
OWN_FILE = "storehand.json"


@dataclass(frozen=True, slots=True)
class ItemModel:
    """`about` is the folder's storehand.json: what the model was trained on, and its blends."""

    catalogue: Catalogue
    tables: ItemTables
    about: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        return str(self.about["fingerprint"])

    @property
    def marks(self) -> frozenset[int]:
        return frozenset(self.about["marks"])

    @property
    def limit(self) -> int:
        return int(self.about["max_events"])

    def blend(self, seen: str) -> Mapping[str, float]:
        blends: Mapping[str, Mapping[str, float]] = self.about["blend"]
        return blends[seen]


def open_model(info: ModelInfo) -> ItemModel:
    """The folder behind a role; ModelNotAvailable where the role is bound to a model of another kind."""
    if info.format != FORMAT or not info.folder:
        raise ModelNotAvailable(
            f"the role {info.role!r} is bound to {info.name}, which is no item model; "
            "`storehand train recommender` writes one from a shop's events"
        )
    folder = Path(info.folder)
    try:
        stamp = tuple((folder / name).stat().st_mtime_ns for name in (catalogue.FILE, tables.FILE, OWN_FILE))
    except OSError as error:
        raise ModelNotAvailable(f"{info.name} is not whole: {error.filename} can't be read") from error
    return _read(folder, stamp)


@lru_cache(maxsize=8)
def _read(folder: Path, stamp: tuple[int, ...]) -> ItemModel:
    try:
        about = json.loads((folder / OWN_FILE).read_text(encoding="utf-8"))
        model = ItemModel(Catalogue.load(folder), ItemTables.load(folder), about)
        _ = (model.fingerprint, model.marks, model.limit, model.blend("allow"), model.blend("exclude"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelNotAvailable(f"{folder} can't be read as an item model: {error!r}") from error
    if len(model.catalogue) != model.tables.count:
        raise ModelNotAvailable(
            f"{folder} names {len(model.catalogue)} items, but has numbers for {model.tables.count}"
        )
    return model
