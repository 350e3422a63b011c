"""Items nobody has bought yet: they take their place from the items that say the same about themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from storehand_plugins.recommendation.texts import TextIndex

KIN = 5
"""Items a cold one is placed by."""

_NEAR = 0.05


def place(values: Any, is_cold: Any, texts: TextIndex) -> Any:
    """A copy of `values` [items, ...], where each cold item has the mean of its kin, weighted by likeness; without kin,
    the mean of all."""
    placed = values.copy()
    warm = np.flatnonzero(~is_cold)
    if not len(warm):
        return placed
    mean = values[warm].mean(axis=0)
    for item in np.flatnonzero(is_cold).tolist():
        near = texts.nearness_to_items([item], [1.0])
        near[is_cold] = 0
        kin = np.argsort(-near, kind="stable")[:KIN]
        kin = kin[near[kin] > _NEAR]
        placed[item] = np.average(values[kin], axis=0, weights=near[kin]) if len(kin) else mean
    return placed
