"""Events as arrays, and shoppers' visits cut out of them at any moment of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from storehand_plugins.recommendation.visits import PURCHASE, VISIT_GAP_S, Visit, note

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Events:
    """One row per event, sorted by shopper, then time; `shopper` and `item` are numbers, `at` is in epoch seconds."""

    shopper: Any
    item: Any
    kind: Any
    at: Any

    def __len__(self) -> int:
        return len(self.at)

    def where(self, mask: Any) -> Events:
        return Events(self.shopper[mask], self.item[mask], self.kind[mask], self.at[mask])

    def before(self, moment: float) -> Events:
        return self.where(self.at < moment)

    def since(self, moment: float) -> Events:
        return self.where(self.at >= moment)

    @property
    def purchases(self) -> Events:
        """Purchases; where a shop records none, whatever there is."""
        bought = self.kind == PURCHASE
        return self.where(bought) if bought.any() else self


@dataclass(frozen=True, slots=True)
class History:
    """One shopper: visits, oldest first, and when each began."""

    visits: list[Visit]
    starts: list[float]


def histories(events: Events, *, rng: Any = None) -> dict[int, History]:
    """Shopper -> history. With `rng`, events of the same second are shuffled: a basket has no order, and a model must
    not learn one."""
    order = np.arange(len(events))
    if rng is not None:
        order = np.lexsort((rng.random(len(events)), events.at, events.shopper))
    found: dict[int, History] = {}
    last_shopper, last_at = -1, 0.0
    columns = (events.shopper[order], events.item[order], events.kind[order], events.at[order])
    for shopper, item, kind, at in zip(*(column.tolist() for column in columns), strict=True):
        history = found.get(shopper)
        if history is None:
            history = found[shopper] = History([], [])
        if shopper != last_shopper or at - last_at > VISIT_GAP_S:
            history.visits.append({})
            history.starts.append(at)
        note(history.visits[-1], item, kind)
        last_shopper, last_at = shopper, at
    return found
