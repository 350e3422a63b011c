"""Counts what reviews say about each aspect: one review once per point, and only its own words are its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from storehand.contracts.sentiment import Evidence, Point
from storehand_plugins.sentiment.aspects import Aspect, AspectFinder
from storehand_plugins.sentiment.clauses import Clause
from storehand_plugins.sentiment.labels import Opinion

QUOTES_PER_POINT = 5
"""A point quotes its surest clauses, at most this many and one of each review; `support` counts all of them."""

SURE = 0.7
"""A clause speaks for a point only when its polarity has this probability: a point is a claim about the product."""

MAX_MENTIONS = 24
"""Clauses of one review that are looked at; the rest of a very long review still counts in its own label."""

Polarity = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A clause of one review that names aspects."""

    review: int
    start: int
    end: int
    quote: str
    aspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Statement:
    mention: Mention
    sureness: float


def find_mentions(review: int, body: str, clauses: Sequence[Clause], finder: AspectFinder) -> list[Mention]:
    """The first `MAX_MENTIONS` clauses of a review that name an aspect.

    A clause that is hardly more than the aspect's name ("Delivery, terrible") takes the next one with it.
    """
    mentions: list[Mention] = []
    for index, clause in enumerate(clauses):
        words = finder.find(body[clause.start : clause.end])
        if not words:
            continue
        end = clause.end
        if clause.end - clause.start <= max(map(len, words.values())) + 1 and index + 1 < len(clauses):
            following = clauses[index + 1]
            if not finder.find(body[following.start : following.end]):
                end = following.end
        mentions.append(Mention(review, clause.start, end, body[clause.start : end], tuple(words)))
        if len(mentions) == MAX_MENTIONS:
            break
    return mentions


def count_points(
    mentions: Iterable[tuple[Mention, Opinion]],
    polarity: Polarity,
    *,
    review_ids: Sequence[str],
    finder: AspectFinder,
    max_points: int,
) -> tuple[Point, ...]:
    """The points with most support first; equal support keeps the order of the aspects' list."""
    said: dict[str, dict[int, _Statement]] = defaultdict(dict)
    for mention, opinion in mentions:
        if opinion.label != polarity or opinion.confidence < SURE:
            continue
        for aspect in mention.aspects:
            best = said[aspect].get(mention.review)
            if best is None or opinion.confidence > best.sureness:
                said[aspect][mention.review] = _Statement(mention, opinion.confidence)
    order = list(finder.by_id)
    ranked = sorted(said, key=lambda aspect: (-len(said[aspect]), order.index(aspect)))
    return tuple(_point(finder.by_id[aspect], said[aspect], review_ids) for aspect in ranked[:max_points])


def _point(aspect: Aspect, said: dict[int, _Statement], review_ids: Sequence[str]) -> Point:
    surest = sorted(said.values(), key=lambda statement: (-statement.sureness, statement.mention.review))
    quotes = [statement.mention for statement in surest[:QUOTES_PER_POINT]]
    return Point(
        point=aspect.zh if _mostly_han(quotes) else aspect.en,
        support=len(said),
        share=len(said) / len(review_ids),
        evidence=tuple(
            Evidence(review_id=review_ids[mention.review], start=mention.start, end=mention.end, quote=mention.quote)
            for mention in quotes
        ),
    )


def _mostly_han(quotes: Sequence[Mention]) -> bool:
    han = sum(any("\u4e00" <= char <= "\u9fff" for char in mention.quote) for mention in quotes)
    return 2 * han >= len(quotes)
