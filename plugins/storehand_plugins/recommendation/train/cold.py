"""Items nobody has bought yet: they take their place from the items that say the same about themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from storehand_plugins.recommendation.tables import Neighbours
from storehand_plugins.recommendation.texts import TextIndex

KIN = 5
"""Items a cold one is placed by."""

_NEAR = 0.05


def place(values: Any, is_cold: Any, texts: TextIndex) -> Any:
    """A copy of `values` [items, ...], where each cold item has the mean of its kin, weighted by likeness; without kin,
    the mean of all."""
    placed = values.copy()
    if is_cold.all():
        return placed
    mean = values[~is_cold].mean(axis=0)
    for item in np.flatnonzero(is_cold).tolist():
        kin, near = _kin(item, is_cold, texts)
        placed[item] = np.average(values[kin], axis=0, weights=near) if len(kin) else mean
    return placed


def borrow(neighbours: Neighbours, is_cold: Any, texts: TextIndex) -> Neighbours:
    """A copy in which each cold item has the neighbours of its nearest kin, half as near and with no shopper behind
    them: good enough to rank by, nothing to give as a reason."""
    index, nearness = neighbours.index.copy(), neighbours.nearness.copy()
    for item in np.flatnonzero(is_cold).tolist():
        kin, _ = _kin(item, is_cold, texts)
        if len(kin):
            index[item], nearness[item] = index[kin[0]], nearness[kin[0]] / 2
    return Neighbours(index, nearness, neighbours.shoppers)


def _kin(item: int, is_cold: Any, texts: TextIndex) -> tuple[Any, Any]:
    """The warm items most like one, and how like."""
    near = texts.nearness_to_items([item], [1.0])
    near[is_cold] = 0
    kin = np.argsort(-near, kind="stable")[:KIN]
    kin = kin[near[kin] > _NEAR]
    return kin, near[kin]
