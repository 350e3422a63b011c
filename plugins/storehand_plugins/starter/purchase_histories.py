"""Made-up shoppers of the demo shop: `python -m storehand_plugins.starter.purchase_histories --help`.

Nobody's data: tastes, habits and luck, drawn with a seed over the 48 products of `catalogue.jsonl`. What the bundled
recommender learns is therefore what is written here.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = datetime(2024, 5, 1, tzinfo=UTC)
DAYS = 365

TASTES: dict[str, dict[str, Sequence[int]]] = {
    "EN": {
        "gadgets": (1, 3, 11, 24, 20),
        "kitchen": (2, 9, 12, 20, 17),
        "trail": (15, 4, 10, 20, 7, 11),
        "home": (6, 8, 19, 21, 5),
        "study": (5, 8, 18, 12, 7, 3),
        "dogs": (13, 21, 10, 4),
        "children": (14, 6, 18, 8),
        "workshop": (16, 8, 5, 20),
        "gifts": (17, 22, 12, 18),
        "music": (23, 3, 18, 8),
        "travel": (24, 7, 3, 20, 10),
    },
    "ZH": {
        "gadgets": (1, 3, 11, 24),
        "kitchen": (2, 9, 12, 20),
        "sport": (4, 11, 10, 20, 3),
        "camping": (15, 7, 20, 4, 24),
        "home": (6, 8, 19, 21, 5),
        "study": (5, 8, 18, 7, 3),
        "cats": (13, 19, 21),
        "children": (14, 8, 18, 6),
        "workshop": (16, 5, 8),
        "gifts": (17, 22, 12, 20),
        "music": (23, 3, 18),
        "travel": (24, 7, 3, 20),
        "tea": (12, 2, 20, 18),
    },
}
"""Product numbers that belong to one taste, the most wanted first."""

NEXT: dict[str, dict[int, Sequence[int]]] = {
    "EN": {
        1: (3, 24), 2: (12,), 4: (11,), 5: (8, 18), 7: (20, 24), 9: (2,), 13: (21,), 15: (20, 10), 16: (5,), 23: (3,),
    },
    "ZH": {
        1: (3, 24), 2: (12, 20), 4: (11,), 5: (8, 18), 7: (20, 24), 9: (2,), 13: (21, 19), 15: (20, 7), 17: (22,),
        23: (3,),
    },
}  # fmt: skip
"""What people come back for once they have the first."""

USED_UP = {"EN": {12: 30, 17: 45, 18: 60}, "ZH": {12: 35, 17: 45, 18: 60}}
"""Products that are bought again, and after how many days."""

IMPULSE = 0.07
"""Purchases that follow no taste at all."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one shopper did."""

    type: str
    sku: str
    ts: datetime

    def to_json(self) -> dict[str, str]:
        return {"type": self.type, "sku": self.sku, "ts": self.ts.isoformat().replace("+00:00", "Z")}


class Shopper:
    """One made-up person of one language: a taste or two, and about six visits in the year."""

    def __init__(self, name: str, language: str, rng: random.Random) -> None:
        self.name = name
        self.language = language
        self._rng = rng
        self._tastes = rng.sample(list(TASTES[language].values()), k=rng.choice((1, 1, 2)))
        self._has: dict[int, datetime] = {}

    def events(self) -> Iterator[Event]:
        """In order of time."""
        rng = self._rng
        days = sorted(rng.sample(range(DAYS), k=min(DAYS, 2 + int(rng.expovariate(1 / 5)))))
        for day in days:
            at = FIRST_DAY + timedelta(days=day, hours=rng.randint(7, 22), minutes=rng.randint(0, 59))
            yield from self._visit(at)

    def _visit(self, at: datetime) -> Iterator[Event]:
        rng = self._rng
        wanted = list(dict.fromkeys(self._wish(at) for _ in range(rng.choice((1, 1, 2, 2, 3)))))
        for product in wanted:
            for seen in [*self._glances(product), product]:
                at += timedelta(minutes=rng.randint(1, 6))
                yield self._event("view", seen, at)
            if rng.random() < 0.75:
                at += timedelta(minutes=1)
                yield self._event("cart", product, at)
                if rng.random() < 0.8:
                    yield self._event("purchase", product, at + timedelta(minutes=8))
                    self._has[product] = at

    def _wish(self, at: datetime) -> int:
        """Something used up, something that goes with what is there, something of a taste, or an impulse."""
        rng = self._rng
        due = [p for p, days in USED_UP[self.language].items()
               if p in self._has and at - self._has[p] > timedelta(days=days)]  # fmt: skip
        if due and rng.random() < 0.5:
            return rng.choice(due)
        follow = [p for had in self._has for p in NEXT[self.language].get(had, ()) if p not in self._has]
        if follow and rng.random() < 0.5:
            return rng.choice(follow)
        if rng.random() < IMPULSE:
            return rng.randint(1, 24)
        taste = rng.choice(self._tastes)
        fresh = [product for product in taste if product not in self._has] or list(taste)
        return rng.choices(fresh, weights=[1 / (1 + place) for place in range(len(fresh))])[0]

    def _glances(self, product: int) -> list[int]:
        """What is looked at on the way: mostly of the same taste."""
        near = [p for taste in self._tastes for p in taste if p != product]
        return [self._rng.choice(near) for _ in range(self._rng.choice((0, 0, 1, 2)))]

    def _event(self, kind: str, product: int, at: datetime) -> Event:
        return Event(kind, f"{self.language}-{product:03d}", at)


def shoppers(count: int, *, seed: int) -> Iterator[Shopper]:
    """Half of them read English, half Chinese."""
    rng = random.Random(seed)  # noqa: S311  # made-up people, no secrets
    for number in range(count):
        language = ("EN", "ZH")[number % 2]
        name = f"{language.lower()}-shopper-{seed}-{number:04d}"
        yield Shopper(name, language, random.Random(rng.random()))  # noqa: S311  # no secrets


def training_rows(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """One event per row, as `storehand train recommender` reads them."""
    for shopper in shoppers(count, seed=seed):
        for event in shopper.events():
            yield {"userId": shopper.name, **event.to_json()}


def history_rows(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """One shopper per row, as the demo shows them: `events` is that of a RecommendationInput."""
    for shopper in shoppers(count, seed=seed):
        events = [event.to_json() for event in shopper.events()]
        locale = {"EN": "en-GB", "ZH": "zh-CN"}[shopper.language]
        yield {"userId": shopper.name, "locale": locale, "events": events[-40:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--by-shopper", action="store_true", help="one shopper per line instead of one event")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    rows = history_rows if options.by_shopper else training_rows
    with options.out.open("w", encoding="utf-8") as lines:
        for row in rows(options.shoppers, seed=options.seed):
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
