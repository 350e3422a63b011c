"""How good a list is: hit rate, NDCG and recall at ten over all items, and how much of the catalogue is ever shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storehand_plugins.recommendation.evidence import speakers
from storehand_plugins.recommendation.tables import ItemTables
from storehand_plugins.recommendation.train.histories import Events, histories
from storehand_plugins.recommendation.visits import Visit

AT = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A shopper before a moment, and the items of the first visit after it."""

    shopper: int
    visits: list[Visit]
    next_items: list[int]

    def own(self) -> set[int]:
        return {item for visit in self.visits for item in visit}

    def targets(self, seen: str) -> set[int]:
        """What is asked for; with `exclude`, only items the shopper never had."""
        return set(self.next_items) - (self.own() if seen == "exclude" else set())


def cases(events: Events, moment: float, until: float = float("inf")) -> list[Case]:
    """Everybody with a history before the moment and a purchase between it and `until`."""
    before = histories(events.before(moment))
    after = histories(events.purchases.since(moment).before(until))
    return [
        Case(shopper, before[shopper].visits, list(history.visits[0]))
        for shopper, history in after.items()
        if shopper in before
    ]


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over `n` shoppers. NDCG is against the best list possible; coverage is the share of items ever shown."""

    n: int
    hit_rate: float
    ndcg: float
    recall: float
    coverage: float


def by_shopper(lists: Sequence[Sequence[int]], targets: Sequence[set[int]]) -> Any:
    """[shoppers, 3]: hit, NDCG and recall of each list of at most ten item numbers against the items that were bought;
    nobody without targets counts."""
    gains = 1 / np.log2(np.arange(2, AT + 2))
    rows = []
    for found, wanted in zip(lists, targets, strict=True):
        if wanted:
            hits = np.array([item in wanted for item in found[:AT]] + [False] * (AT - len(found[:AT])))
            rows.append((hits.any(), (hits * gains).sum() / gains[: len(wanted)].sum(), hits.sum() / len(wanted)))
    return np.array(rows, float).reshape(-1, 3)


def measure(lists: Sequence[Sequence[int]], targets: Sequence[set[int]], *, items: int) -> Figures:
    """The means, and what share of `items` was ever shown."""
    rows = by_shopper(lists, targets)
    if not len(rows):
        return Figures(0, 0.0, 0.0, 0.0, 0.0)
    shown = {item for found, wanted in zip(lists, targets, strict=True) if wanted for item in found[:AT]}
    hit_rate, ndcg, recall = rows.mean(axis=0).tolist()
    return Figures(len(rows), hit_rate, ndcg, recall, len(shown) / max(1, items))


def best(total: Any, allowed: Any, k: int = AT) -> list[int]:
    """The k best of the allowed."""
    scores = np.where(allowed, total, -np.inf)
    top = np.argpartition(-scores, min(k, len(scores) - 1))[:k]
    top = top[np.lexsort((top, -scores[top]))]
    return [int(item) for item in top if allowed[item]]


Floor = Callable[[ItemTables, Sequence[Visit]], Any]


def _repeat(tables: ItemTables, visits: Sequence[Visit]) -> Any:
    """The shopper's own items, the most frequent first, the newest first among equals; then what sells this month."""
    score = (tables.month / (1 + tables.month.max())).astype(np.float64)
    for age, visit in enumerate(reversed(visits)):
        for item in visit:
            score[item] += 1000 + (1 / (1 + age) if score[item] < 1000 else 0)
    return score


def _together(tables: ItemTables, visits: Sequence[Visit]) -> Any:
    weights = speakers(visits)
    return tables.together.spread(list(weights), list(weights.values()))


FLOORS: dict[str, Floor] = {
    "popular, ever": lambda tables, visits: tables.shoppers,
    "popular, 28 days": lambda tables, visits: tables.month + tables.shoppers * 1e-6,
    "popular, 7 days": lambda tables, visits: tables.week + tables.month * 1e-3,
    "repeat purchase": _repeat,
    "item kNN (bought together)": _together,
}
"""What any shop can have without a model; a recommender that does not beat them is not worth its weight."""


def floor_lists(floor: Floor, tables: ItemTables, found: Sequence[Case], seen: str) -> list[list[int]]:
    """The floor's ten for every case."""
    known = tables.shoppers > 0
    lists = []
    for case in found:
        allowed = known.copy()
        if seen == "exclude":
            allowed[list(case.own())] = False
        lists.append(best(floor(tables, case.visits), allowed))
    return lists
