"""From scores to a list: pins first, then the best that caps allow, spread out as far as diversity asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from storehand.contracts.recommendation import BusinessRules
from storehand_plugins.recommendation.folder import ItemModel

POOL = 50
"""Items, or five times those asked for, among which variety is sought: farther down, different means bad."""

SAME_VECTOR, SAME_CATEGORY, SAME_BRAND = 0.5, 0.35, 0.15


def in_order(total: Any, allowed: Any) -> list[int]:
    """Allowed items, best first. Floats differ in their last digits between batches, so equals go by number."""
    numbers = np.flatnonzero(allowed)
    order = np.lexsort((numbers, -np.round(total[numbers], 4)))
    found: list[int] = numbers[order].tolist()
    return found


def arrange(
    model: ItemModel, total: Any, ranked: Sequence[int], *, pins: Sequence[int], rules: BusinessRules, k: int,
    diversity: float,
) -> list[int]:  # fmt: skip
    """At most k items: `pins` as they are, then from `ranked`."""
    chosen = list(pins[:k])
    room = _Room(model, rules)
    pinned = set(chosen)
    rest = [number for number in ranked if number not in pinned]
    if diversity > 0:
        return _varied(model, total, rest, chosen, room, k=k, diversity=diversity)
    for number in rest:
        if len(chosen) == k:
            break
        if room.takes(number):
            chosen.append(number)
    return chosen


class _Room:
    """How many items of each brand and category may still come. Items without one are never too many."""

    def __init__(self, model: ItemModel, rules: BusinessRules) -> None:
        self._brands = model.catalogue.brands
        self._steps = model.catalogue.steps
        self._rules = rules
        self._taken: Counter[object] = Counter()

    def has(self, number: int) -> bool:
        brand, steps = self._brands[number], self._steps[number]
        caps = ((brand, self._rules.cap_per_brand), (steps, self._rules.cap_per_category))
        return all(not name or cap is None or self._taken[name] < cap for name, cap in caps)

    def takes(self, number: int) -> bool:
        if not self.has(number):
            return False
        self._taken.update([self._brands[number], self._steps[number]])
        return True


def _varied(
    model: ItemModel, total: Any, rest: list[int], chosen: list[int], room: _Room, *, k: int, diversity: float
) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): score against likeness to what is already there."""
    pool, tail = rest[: max(POOL, 5 * k)], rest[max(POOL, 5 * k) :]
    worth = _from_0_to_1(total[pool]) if pool else np.zeros(0)
    likeness = np.zeros(len(pool))
    for number in chosen:
        likeness = np.maximum(likeness, _likeness(model, number, pool))
    left = np.ones(len(pool), bool)
    while len(chosen) < k and left.any():
        gain = np.where(left, (1 - diversity) * worth - diversity * likeness, -np.inf)
        best = int(np.argmax(np.round(gain, 4)))
        left[best] = False
        if room.takes(pool[best]):
            chosen.append(pool[best])
            likeness = np.maximum(likeness, _likeness(model, pool[best], pool))
    for number in tail:
        if len(chosen) == k:
            break
        if room.takes(number):
            chosen.append(number)
    return chosen


def _from_0_to_1(values: Any) -> Any:
    spread = values.max() - values.min()
    return (values - values.min()) / spread if spread > 0 else np.ones(len(values))


def _likeness(model: ItemModel, number: int, pool: Sequence[int]) -> Any:
    """From 0 to 1: the model's vectors, the category as far as it is shared, the brand."""
    vectors, catalogue = model.tables.vectors, model.catalogue
    lengths = np.linalg.norm(vectors[pool], axis=1) * np.linalg.norm(vectors[number]) + 1e-9
    like = SAME_VECTOR * np.maximum(0.0, vectors[pool] @ vectors[number] / lengths)
    like += SAME_CATEGORY * np.array([_shared(catalogue.steps[number], catalogue.steps[other]) for other in pool])
    brand = catalogue.brands[number]
    like += SAME_BRAND * np.array([bool(brand) and catalogue.brands[other] == brand for other in pool])
    return like


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    same = sum(1 for left, right in zip(one, other, strict=False) if left == right)
    return same / max(len(one), len(other), 1)
