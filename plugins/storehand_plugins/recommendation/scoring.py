"""One score per item for one request: what the shopper did, what was searched, what is like the anchor, what sells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storehand_plugins.recommendation.evidence import NAMES, evidence, speakers
from storehand_plugins.recommendation.folder import ItemModel
from storehand_plugins.recommendation.history import ShopperHistory
from storehand_plugins.recommendation.tables import ItemTables

POPULAR_BLEND = (0.2, 0.6, 0.2)
"""Ever, last 28 days, last 7: in a shop with seasons, lately beats ever."""

SEARCH_WEIGHT = 8.0
"""A word that an item shares with a search outweighs being popular."""

SEARCH_FADE = 0.8
SEARCH_FITS = 0.12
"""Cosine from which an item answers a search."""

TOGETHER, LATER, VECTORS, ALIKE = 6.0, 3.0, 1.0, 3.0
"""Shares of an anchor's nearness. Bought together by real shoppers says most; texts help where nobody bought yet."""

SEQUENCE, NEIGHBOURLY = NAMES.index("sequence"), [NAMES.index(name) for name in ("together", "later", "alike")]
NEXT_TO_NOTHING = 0.05
EXPECTED = 20
"""Items, or a tenth of the catalogue, that count as expected next."""

TILT = 0.15
"""How much a shopper's own history moves the items around an anchor."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Arrays by item: `total`; `search`, the cosine to the best of the searches; `spoken_for`: something of the
    shopper's own speaks for it, not only that it sells."""

    total: Any
    search: Any
    spoken_for: Any

    @property
    def is_personal(self) -> bool:
        return bool(self.spoken_for.any())


def score_items(
    model: ItemModel, history: ShopperHistory, vector: Sequence[float] | None, *, anchor: int | None, seen: str
) -> Scores:
    """`vector` is the sequence model's view of the shopper, where there are visits."""
    tables, texts = model.tables, model.catalogue.texts
    searched = _searched(model, history.searches)
    spoken_for = searched >= SEARCH_FITS
    if history.visits:
        rows = evidence(tables, texts, history.visits, vector)
        total = np.array([model.blend(seen).get(name, 0.0) for name in NAMES], np.float32) @ rows
        spoken_for |= _spoken_for(rows)
    else:
        total = np.asarray(POPULAR_BLEND, np.float32) @ tables.popularity
    total = total + SEARCH_WEIGHT * searched
    if anchor is not None:
        total = around(model, anchor) + TILT * _standard(total)
    return Scores(total, searched, spoken_for)


def _spoken_for(rows: Any) -> Any:
    """Bought with or after the shopper's items, like them, had before, or high up in what the model expects next."""
    expected = rows[SEQUENCE]
    place = min(len(expected) - 1, max(EXPECTED, len(expected) // 10))
    high_up = expected > np.partition(expected, -place - 1)[-place - 1]
    return high_up | (rows[NEIGHBOURLY] > NEXT_TO_NOTHING).any(axis=0) | (rows[NAMES.index("own_before")] > 0)


def around(model: ItemModel, anchor: int) -> Any:
    """How near every item lies to one."""
    tables = model.tables
    near = TOGETHER * np.sqrt(tables.together.spread([anchor], [1.0]))
    near += LATER * np.sqrt(tables.later.spread([anchor], [1.0]))
    near += VECTORS * vector_cosines(tables, anchor)
    near += ALIKE * model.catalogue.texts.nearness_to_items([anchor], [1.0])
    return near


def vector_cosines(tables: ItemTables, item: int) -> Any:
    """Cosines of the sequence model's item vectors; below zero is unlike."""
    lengths = np.linalg.norm(tables.vectors, axis=1) + 1e-9
    cosines: Any = np.maximum(0.0, tables.vectors @ tables.vectors[item] / (lengths * lengths[item]))
    return cosines


def newest_item(history: ShopperHistory) -> int | None:
    """The item of the last event that had a known one."""
    return next(iter(speakers(history.visits)), None)


def _searched(model: ItemModel, searches: Sequence[str]) -> Any:
    best = np.zeros(model.tables.count, np.float32)
    for age, query in enumerate(searches):
        near = model.catalogue.texts.nearness(query)
        np.maximum(best, SEARCH_FADE**age * near, out=best)
    return best


def _standard(values: Any) -> Any:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0 else values * 0
