"""Why an item is recommended, from counts and the shop's own words; where the data say nothing, nothing is said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from storehand.contracts.recommendation import Reason
from storehand_plugins.recommendation.catalogue import Item
from storehand_plugins.recommendation.evidence import speakers
from storehand_plugins.recommendation.folder import ItemModel
from storehand_plugins.recommendation.history import ShopperHistory
from storehand_plugins.recommendation.scoring import SEARCH_FITS, Scores
from storehand_plugins.recommendation.tables import Neighbours
from storehand_plugins.recommendation.texts import shared_words
from storehand_plugins.recommendation.visits import CART

FEW = 3
"""Shoppers below which nothing is said about them: two people are no pattern, and could be known."""

NAMED = 3
"""Most items a reason names in `because_of`."""

ALIKE = 0.15
LONGEST_NAME = 40

_TEXTS = {
    "zh": {
        "bought_together": "{n}位顾客一次购物同时买了它和「{name}」",
        "often_next": "{n}位顾客买了「{name}」之后又买了它",
        "bought_before": "您购买过{n}次",
        "looked_at": "您浏览过",
        "looked_at_cart": "您曾加入购物车",
        "same_category": "与「{name}」同属“{category}”",
        "alike": "与「{name}」相似",
        "search": "符合您搜索的“{words}”",
        "popular": "近期有{n}位顾客购买",
        "pinned": "本店推荐",
    },
    "en": {
        "bought_together": "{n} shoppers bought it together with {name}",
        "often_next": "{n} shoppers bought it after {name}",
        "bought_before": "You bought it {times}",
        "looked_at": "You looked at it",
        "looked_at_cart": "You put it into your cart",
        "same_category": "Also in {category}, like {name}",
        "alike": "Similar to {name}",
        "search": "Fits your search for “{words}”",
        "popular": "{n} shoppers bought it lately",
        "pinned": "Picked by the shop",
    },
}

Code = Literal[
    "bought_together", "often_next", "bought_before", "looked_at", "same_category", "alike", "search", "popular",
    "pinned",
]  # fmt: skip


class _Voice(NamedTuple):
    """One of the shopper's items that speaks for another by what shoppers did."""

    worth: float
    code: Code
    item: int
    shoppers: int


@dataclass(frozen=True)
class Reasons:
    """Finds the strongest reason for an item. `language` None: the item's own."""

    model: ItemModel
    history: ShopperHistory
    scores: Scores
    anchor: int | None
    language: str | None

    def of(self, number: int, *, pinned: bool) -> Reason | None:
        if pinned:
            return self._say(number, "pinned")
        return (
            self._searched(number)
            or self._before(number)
            or self._looked_at(number)
            or self._by_shoppers(number)
            or self._by_kind(number)
            or self._popular(number)
        )

    @cached_property
    def _speakers(self) -> Mapping[int, float]:
        return {self.anchor: 1.0} if self.anchor is not None else speakers(self.history.visits)

    def _searched(self, number: int) -> Reason | None:
        if self.anchor is not None or self.scores.search[number] < SEARCH_FITS:
            return None
        item = self.model.catalogue.items[number]
        for query in self.history.searches:
            if words := shared_words(query, item.words):
                return self._say(number, "search", words=_short(words))
        return None

    def _before(self, number: int) -> Reason | None:
        times = self.history.times.get(number, 0)
        if not times:
            return None
        said = "once" if times == 1 else "twice" if times == 2 else f"{times} times"
        return self._say(number, "bought_before", [number], n=times, times=said)

    def _looked_at(self, number: int) -> Reason | None:
        kinds = [visit[number] for visit in self.history.visits if number in visit]
        if not kinds or self.anchor is not None:
            return None
        return self._say(number, "looked_at", [number], variant="_cart" if max(kinds) >= CART else "")

    def _by_shoppers(self, number: int) -> Reason | None:
        weights, tables = self._speakers, self.model.tables
        voices = [
            *_voices(tables.together, "bought_together", weights, number),
            *_voices(tables.later, "often_next", weights, number),
        ]
        if not voices:
            return None
        voices.sort(key=lambda voice: (-voice.worth, voice.item))
        best = voices[0]
        because = list(dict.fromkeys(voice.item for voice in voices))[:NAMED]
        return self._say(number, best.code, because, n=best.shoppers)

    def _by_kind(self, number: int) -> Reason | None:
        catalogue = self.model.catalogue
        near = [(catalogue.texts.between(item, number), item) for item in self._speakers if item != number]
        same = [item for _, item in sorted(near, key=lambda pair: (-pair[0], pair[1]))
                if catalogue.steps[item] and catalogue.steps[item] == catalogue.steps[number]]  # fmt: skip
        if same:
            category = (catalogue.items[number].category or "").split(">")[-1].strip()
            return self._say(number, "same_category", same[:NAMED], category=_short(category))
        nearness, item = max(near, default=(0.0, -1))
        return self._say(number, "alike", [item]) if nearness >= ALIKE else None

    def _popular(self, number: int) -> Reason | None:
        shoppers = int(self.model.tables.month[number])
        return self._say(number, "popular", n=shoppers) if shoppers >= FEW else None

    def _say(
        self, number: int, code: Code, because: Sequence[int] = (), *, variant: str = "", **words: object
    ) -> Reason:
        items = self.model.catalogue.items
        language = self.language or self.model.catalogue.languages[number]
        texts = _TEXTS.get(language, _TEXTS["en"])
        name = _short(_name(items[because[0]])) if because else ""
        skus = tuple(items[item].sku for item in because)
        return Reason(code=code, because_of=skus, text=texts[code + variant].format(name=name, **words))


def _voices(neighbours: Neighbours, code: Code, weights: Mapping[int, float], number: int) -> Iterator[_Voice]:
    items = list(weights)
    lines, places = (neighbours.index[items] == number).nonzero()
    for line, place in zip(lines.tolist(), places.tolist(), strict=True):
        item = items[line]
        shoppers = int(neighbours.shoppers[item, place])
        if shoppers >= FEW:
            yield _Voice(weights[item] * float(neighbours.nearness[item, place]), code, item, shoppers)


def _name(item: Item) -> str:
    return item.name or item.sku


def _short(text: str) -> str:
    """One line without hidden characters, cut at a word where there is one."""
    plain = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text)
    plain = re.sub(r"\s+", " ", plain).strip()
    if len(plain) <= LONGEST_NAME:
        return plain
    cut = plain[: LONGEST_NAME - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[LONGEST_NAME // 2 :] else cut) + "…"
