"""What speaks for every item: the sequence model, items bought together and later, popularity, own habits, texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from storehand_plugins.recommendation.tables import ItemTables
from storehand_plugins.recommendation.texts import TextIndex
from storehand_plugins.recommendation.visits import PURCHASE, STRENGTHS, Visit

POPULAR = ("popular", "month", "week")
OWN = ("own_before", "own_times", "own_recent", "own_share", "own_month")
NAMES = ("sequence", "together", "later", "alike", *POPULAR, *OWN)

RECENT_ITEMS = 60
"""The newest items of a history that speak for their neighbours."""

_FADE = 0.85
"""A visit's weight against that of the visit after it."""

DEFAULT_BLEND: Mapping[str, float] = {
    "sequence": 0.5, "together": 0.6, "later": 0.1, "alike": 0.4, "popular": -0.2, "month": 0.7, "week": 0.1,
    "own_before": 2.5, "own_times": 2.0, "own_recent": 0.6, "own_share": 0.1, "own_month": 0.0,
}  # fmt: skip
"""Where a shop has too few events to learn its own."""


def speakers(visits: Sequence[Visit]) -> dict[int, float]:
    """The items of a history that speak for others, newest first, with their weights."""
    weights: dict[int, float] = {}
    for age, visit in enumerate(reversed(visits)):
        for item, kind in reversed(visit.items()):
            if item not in weights:
                weights[item] = STRENGTHS[kind] * _FADE**age
                if len(weights) == RECENT_ITEMS:
                    return weights
    return weights


def evidence(tables: ItemTables, texts: TextIndex, visits: Sequence[Visit], vector: Any) -> Any:
    """[len(NAMES), items]; every row on a scale of a few units, so that one blend fits shops of any size."""
    rows = np.zeros((len(NAMES), tables.count), np.float32)
    rows[4:7] = tables.popularity
    if not visits:
        return rows
    if vector is not None:
        rows[0] = tables.vectors @ np.asarray(vector, np.float32) + tables.bias
    weights = speakers(visits)
    items, strengths = list(weights), list(weights.values())
    rows[1] = np.log1p(5 * tables.together.spread(items, strengths))
    rows[2] = np.log1p(5 * tables.later.spread(items, strengths))
    rows[3] = 3 * texts.nearness_to_items(items[:20], strengths[:20])
    rows[7:] = _own(tables, visits)
    return rows


def _own(tables: ItemTables, visits: Sequence[Visit]) -> Any:
    """The rows of OWN: whether, how often, how lately, on what share of the visits, and whether it still sells."""
    times, recent = np.zeros(tables.count, np.float32), np.zeros(tables.count, np.float32)
    for age, visit in enumerate(reversed(visits)):
        bought = [item for item, kind in visit.items() if kind == PURCHASE]
        times[bought] += 1
        recent[bought] += _FADE**age
    before = (times > 0).astype(np.float32)
    share = 3 * times / len(visits)
    return np.stack([before, np.log1p(times), np.log1p(recent), share, before * np.log1p(tables.month) / 2])
