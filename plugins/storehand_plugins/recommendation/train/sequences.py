"""Histories as training rows: token ids, and what should come after each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storehand_plugins.recommendation.train.histories import DAY_S, History
from storehand_plugins.recommendation.visits import FIRST_ITEM, NEW_VISIT, PAD, Visit, token_ids

MOST_TARGETS = 40
"""Items of one visit that are asked for; more would let a few wholesalers be the lesson."""

HALF_LIFE_DAYS = 120.0
"""How fast old visits lose their weight in training: what sells changes with the season."""


@dataclass(frozen=True, slots=True)
class Row:
    """`visit_at` are places of visit tokens with the items of the visit that began there (`visit_items`, one array
    each); `item_at` are places of items with the item that came next (`item_next`). Weights fade with age."""

    ids: list[int]
    visit_at: list[int]
    visit_items: list[Any]
    item_at: list[int]
    item_next: list[int]
    weights: list[float]


def rows(people: Sequence[History], *, marks: Collection[int], limit: int, until: float, rng: Any) -> Iterator[Row]:
    """One row of a shopper's newest tokens each; histories that are longer give one more for every full length."""
    for history in people:
        for start, end in _windows(history.visits, limit):
            yield _row(history.visits[start:end], history.starts[start:end], marks, limit, until, rng)


def _windows(visits: Sequence[Visit], limit: int) -> Iterator[tuple[int, int]]:
    """Runs of visits, from the newest back, each about as long as the model reads."""
    end = len(visits)
    while end > 0:
        start, size = end, 0
        while start > 0 and (start == end or size + len(visits[start - 1]) + 1 <= limit):
            start -= 1
            size += len(visits[start]) + 1
        yield start, end
        end = start


def _row(
    visits: Sequence[Visit], starts: Sequence[float], marks: Collection[int], limit: int, until: float, rng: Any
) -> Row:
    ids = token_ids(visits, is_open=True, marks=marks, limit=1 << 30)
    row = Row(ids[:limit], [], [], [], [], [])
    place = 0
    for visit, start in zip(visits, starts, strict=True):
        if place >= limit:
            break
        items = np.fromiter(visit, np.int64, len(visit))
        if len(items) > MOST_TARGETS:
            items = rng.choice(items, MOST_TARGETS, replace=False)
        row.visit_at.append(place)
        row.visit_items.append(items)
        row.weights.append(0.5 ** ((until - start) / DAY_S / HALF_LIFE_DAYS))
        place = _walk(row, place + 1, limit)
    return row


def _walk(row: Row, place: int, limit: int) -> int:
    """Notes the items of one visit from `place`, each with its next; returns where the next visit begins."""
    last = -1
    while place < len(row.ids) and row.ids[place] != NEW_VISIT:
        if row.ids[place] >= FIRST_ITEM:
            if last >= 0:
                row.item_at.append(last)
                row.item_next.append(row.ids[place] - FIRST_ITEM)
            last = place
        place += 1
    return place


def batches(found: Sequence[Row], *, tokens: int, rng: Any) -> Iterator[list[Row]]:
    """Rows of like length, about `tokens` in each batch, in random order."""
    order = sorted(range(len(found)), key=lambda index: (len(found[index].ids), rng.random()))
    groups: list[list[Row]] = [[]]
    for index in order:
        if groups[-1] and len(found[index].ids) * (len(groups[-1]) + 1) > tokens:
            groups.append([])
        groups[-1].append(found[index])
    rng.shuffle(groups)
    yield from (group for group in groups if group)


def rectangle(group: Sequence[Row], *, drop: float, rng: Any) -> Any:
    """[rows, longest] token ids, padded on the right; a share of the items is hidden, as dropout on a set."""
    ids = np.full((len(group), max(len(row.ids) for row in group)), PAD, np.int64)
    for index, row in enumerate(group):
        ids[index, : len(row.ids)] = row.ids
    hidden = (ids >= FIRST_ITEM) & (rng.random(ids.shape) < drop)
    return np.where(hidden, 1, ids)
