"""Angles: the ideas a piece of copy can start from, which of them a campaign allows, and in what order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal, get_args

from storehand_plugins.copy.brief import Brief

Angle = Literal[
    "offer", "benefit", "scene", "question", "occasion", "gift", "craft", "value", "mood", "taste", "trend", "simple"
]
ANGLES: tuple[Angle, ...] = get_args(Angle)
"""`offer` puts the deal first, `benefit` a highlight, `scene` a place in life, `question` asks, `occasion` is the
campaign's goal (new, back in stock, thanks ...), `gift` thinks of giving, `craft` of material and detail, `value` lists
what one gets, `mood` is a feeling, `taste` the shopper's own preference, `trend` the shop's note about the market,
`simple` says it plainly."""

_BY_GOAL: dict[str, tuple[Angle, ...]] = {
    "sale": ("offer", "benefit", "scene", "occasion", "question", "value"),
    "launch": ("occasion", "benefit", "scene", "craft", "question"),
    "restock": ("occasion", "scene", "benefit", "question", "simple"),
    "winback": ("occasion", "mood", "offer", "scene", "benefit"),
    "event": ("occasion", "offer", "scene", "gift", "benefit"),
    "loyalty": ("occasion", "offer", "mood", "benefit", "scene"),
    "awareness": ("scene", "question", "craft", "benefit", "mood"),
}
_TASTE: tuple[Angle, ...] = ("taste",)
_NEXT: tuple[Angle, ...] = ("trend", "gift", "mood")
_NEEDS_FACTS: tuple[Angle, ...] = ("benefit", "craft", "value")


def angles_for(brief: Brief, count: int) -> list[Angle]:
    """The most fitting first: the shopper's taste, then the goal's, then the rest. A bare name without an offer has
    fewer angles than `count`: they come again, to be worded differently."""
    possible: list[Angle] = []
    for angle in _ranked(brief):
        if _is_possible(angle, brief):
            possible.append(angle)  # noqa: PERF401  # a comprehension loses the literal's type
    return [possible[number % len(possible)] for number in range(count)]


def _ranked(brief: Brief) -> Iterator[Angle]:
    seen: set[Angle] = set()
    for angle in chain[Angle](_TASTE, _BY_GOAL[brief.goal], _NEXT, ANGLES):
        if angle not in seen:
            seen.add(angle)
            yield angle


def _is_possible(angle: Angle, brief: Brief) -> bool:
    if angle == "offer":
        return brief.offer is not None
    if angle == "taste":
        return bool(brief.tastes)
    if angle == "trend":
        return bool(brief.trends)
    if angle == "gift":
        return brief.is_giftable
    return angle not in _NEEDS_FACTS or bool(brief.points)
