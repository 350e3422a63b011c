"""Counts over events: how popular items are, and which are bought together or one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from storehand_plugins.recommendation.tables import Neighbours
from storehand_plugins.recommendation.train.histories import DAY_S, Events, History
from storehand_plugins.recommendation.visits import Visit

NEIGHBOURS = 100
LARGEST_VISIT = 120
"""Items of one visit that are paired: a wholesaler's order says little about any pair in it, and costs its square."""

SHRINK = 3.0
"""Pairs seen once or twice are mostly chance."""

_PAIRS_AT_ONCE = 4_000_000


def shoppers_by_item(events: Events, count: int) -> Any:
    """How many different shoppers each item has."""
    pairs = np.unique(np.stack([events.shopper, events.item]), axis=1) if len(events) else np.zeros((2, 0), np.int64)
    return np.bincount(pairs[1], minlength=count).astype(np.float32)


def recent_shoppers(events: Events, count: int, *, days: float) -> Any:
    """The same over the last days of the events."""
    if not len(events):
        return np.zeros(count, np.float32)
    return shoppers_by_item(events.since(float(events.at.max()) - days * DAY_S), count)


def bought_together(people: Sequence[History], shoppers: Any, *, rng: Any) -> Neighbours:
    """Items of the same visit."""

    def pairs(history: History) -> Iterator[tuple[Any, Any]]:
        for visit in history.visits:
            items = _some(visit, rng)
            left, right = np.meshgrid(items, items, indexing="ij")
            yield left[left != right], right[left != right]

    return _neighbours(people, pairs, shoppers)


def bought_later(people: Sequence[History], shoppers: Any, *, rng: Any) -> Neighbours:
    """Items of the visit after."""

    def pairs(history: History) -> Iterator[tuple[Any, Any]]:
        for visit, after in pairwise(history.visits):
            left, right = np.meshgrid(_some(visit, rng), _some(after, rng), indexing="ij")
            yield left[left != right], right[left != right]

    return _neighbours(people, pairs, shoppers)


def _some(visit: Visit, rng: Any) -> Any:
    items = np.fromiter(visit, np.int64, len(visit))
    return items if len(items) <= LARGEST_VISIT else rng.choice(items, LARGEST_VISIT, replace=False)


def _neighbours(people: Sequence[History], pairs: Any, shoppers: Any) -> Neighbours:
    """Cosine of the sets of shoppers, by those who have both in the wanted way."""
    count = len(shoppers)
    codes, times = _count_pairs(people, pairs, count)
    left, right = codes // count, codes % count
    scale = np.sqrt(np.maximum(shoppers[left], 1) * np.maximum(shoppers[right], 1))
    nearness = np.minimum(1.0, times / scale) * (times / (times + SHRINK))
    return _best(left, right, nearness.astype(np.float32), times, count)


def _count_pairs(people: Sequence[History], pairs: Any, count: int) -> tuple[Any, Any]:
    """Different pair codes, and how many shoppers have each; merged in pieces, so that memory stays bounded."""
    codes, times = np.zeros(0, np.int64), np.zeros(0, np.int64)
    held: list[Any] = []

    def merge() -> None:
        nonlocal codes, times
        new, new_times = np.unique(np.concatenate(held), return_counts=True)
        merged, place = np.unique(np.concatenate([codes, new]), return_inverse=True)
        times = np.bincount(place, weights=np.concatenate([times, new_times])).astype(np.int64)
        codes = merged
        held.clear()

    size = 0
    for history in people:
        own = [left * count + right for left, right in pairs(history)]
        if own:
            held.append(np.unique(np.concatenate(own)))  # a shopper counts once, however often
            size += len(held[-1])
        if size > _PAIRS_AT_ONCE:
            merge()
            size = 0
    if held:
        merge()
    return codes, times


def _best(left: Any, right: Any, nearness: Any, times: Any, count: int) -> Neighbours:
    width = min(NEIGHBOURS, max(1, count - 1))
    index = np.full((count, width), count, np.int32)
    near = np.zeros((count, width), np.float16)
    shoppers = np.zeros((count, width), np.int32)
    order = np.lexsort((right, -nearness, left))
    left, right, nearness, times = left[order], right[order], nearness[order], times[order]
    place = np.arange(len(left)) - np.searchsorted(left, left)
    kept = place < width
    index[left[kept], place[kept]] = right[kept]
    near[left[kept], place[kept]] = nearness[kept]
    shoppers[left[kept], place[kept]] = times[kept]
    return Neighbours(index, near, shoppers)
