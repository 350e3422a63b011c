"""Today's prices, stock and names in a model folder, without training: a catalogue changes faster than tastes do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from storehand.errors import InvalidInput
from storehand_plugins.recommendation.catalogue import FILE, Catalogue, Item
from storehand_plugins.recommendation.train.products import read_items


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many items changed, how many of the file the model does not know (they wait for the next training), and how
    many of the model the file does not name."""

    changed: int
    unknown: int
    unnamed: int


def refresh(folder: Path, items_file: Path, *, columns: Mapping[str, str], missing_is_gone: bool) -> Refreshed:
    """Replaces items.jsonl in one step; running workers take it up with their next job. What the file leaves empty
    stays as it was: skus and stock will do. With `missing_is_gone`, items that the file does not name are
    Discontinued: right for a whole catalogue, wrong for a part of it."""
    if not (folder / FILE).is_file():
        raise InvalidInput(f"{folder} is no model folder of `storehand train recommender`")
    catalogue = Catalogue.load(folder)
    found = {item.sku: item for item in read_items(items_file, columns)[0]}
    items = [_today(item, found.get(item.sku), missing_is_gone=missing_is_gone) for item in catalogue.items]
    _replace_file(folder, Catalogue(items))
    return Refreshed(
        changed=sum(old != new for old, new in zip(catalogue.items, items, strict=True)),
        unknown=len(found.keys() - catalogue.number_of.keys()),
        unnamed=len(catalogue.number_of.keys() - found.keys()),
    )


def _today(item: Item, told: Item | None, *, missing_is_gone: bool) -> Item:
    if told is None:
        return replace(item, availability="Discontinued") if missing_is_gone else item
    return Item.from_json({**item.to_json(), **told.to_json()})


def _replace_file(folder: Path, catalogue: Catalogue) -> None:
    """Beside the old one, then renamed over it: a worker reads the one or the other."""
    with tempfile.TemporaryDirectory(prefix=".items-", dir=folder.parent) as draft:
        catalogue.save(Path(draft))
        (Path(draft) / FILE).replace(folder / FILE)
