"""A recommender's model folder, opened: all that serving needs beside the network, kept while it stays the same."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from storehand.errors import ModelNotAvailable
from storehand.task import ModelInfo
from storehand_plugins.recommendation import catalogue, tables
from storehand_plugins.recommendation.catalogue import Catalogue
from storehand_plugins.recommendation.tables import ItemTables

FORMAT = "items"
OWN_FILE = "storehand.json"
MOST_HELD = 4
"""Models of one process; each is some kilobytes per item."""

Stamp = tuple[int, ...]
log = logging.getLogger(__name__)


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
    """The folder behind a role; ModelNotAvailable where the role is bound to a model of another kind.

    Today's stock (`storehand train items`) is taken up with the next job. A folder that was trained again is not: its
    items have other numbers than the network that this worker holds, so it goes on with what it has till it restarts.
    """
    if info.format != FORMAT or not info.folder:
        raise ModelNotAvailable(
            f"the role {info.role!r} is bound to {info.name}, which is no item model; "
            "`storehand train recommender` writes one from a shop's events"
        )
    return _SHELF.take(Path(info.folder), str(info.extra.get("fingerprint", "")))


class _Shelf:
    """The newest models that were opened; one thread reads while the others wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[tuple[Path, str], tuple[Stamp, ItemModel]] = {}

    def take(self, folder: Path, fingerprint: str) -> ItemModel:
        """The model that belongs to the network with this fingerprint, with its items as of now."""
        with self._lock:
            stamp = _stamp(folder)
            known, held = self._held.pop((folder, fingerprint), (None, None))
            if held is None or known != stamp:
                held = self._read(folder, fingerprint, stamp, held)
            self._held[folder, fingerprint] = (stamp, held)
            if len(self._held) > MOST_HELD:
                del self._held[next(iter(self._held))]
            return held

    def _read(self, folder: Path, fingerprint: str, stamp: Stamp, held: ItemModel | None) -> ItemModel:
        try:
            model = _read(folder, stamp)
            if model.fingerprint == fingerprint:
                return model
            raise ModelNotAvailable(f"{folder} was trained again since this worker loaded it; restart the worker")
        except ModelNotAvailable as error:
            if held is None:
                raise
            log.warning("%s; going on with the items as they were", error)
            return held


_SHELF = _Shelf()


def _stamp(folder: Path) -> Stamp:
    """When each file was written; empty where one is missing, as for a moment while a folder is replaced."""
    try:
        return tuple((folder / name).stat().st_mtime_ns for name in (catalogue.FILE, tables.FILE, OWN_FILE))
    except OSError:
        return ()


def _read(folder: Path, stamp: Stamp) -> ItemModel:
    if not stamp:
        raise ModelNotAvailable(f"{folder} is not whole: it lacks {catalogue.FILE}, {tables.FILE} or {OWN_FILE}")
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
    if _stamp(folder) != stamp:
        raise ModelNotAvailable(f"{folder} was replaced while it was read; try again")
    _ = (model.catalogue.texts, model.catalogue.is_bilingual, model.tables.popularity)  # counted once, not per thread
    return model
