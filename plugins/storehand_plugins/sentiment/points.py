"""Counts what reviews say about each aspect: one review once per point, and only its own words are its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from storehand.contracts.sentiment import Evidence, Improvement, Point, Review
from storehand_plugins.sentiment.aspects import Aspect, Vocabulary
from storehand_plugins.sentiment.reading import Reading
from storehand_plugins.sentiment.statements import Statement

QUOTES_PER_POINT = 5
"""A point quotes its surest clauses, at most this many and one of each review; `support` counts all of them."""

Polarity = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class Theme:
    """An aspect that reviews praise, or blame. `quotes` are the best; `support` counts reviews."""

    aspect: Aspect
    support: int
    quotes: tuple[Evidence, ...]

    def point(self, language: str, n_reviews: int) -> Point:
        name = self.aspect.name(language)
        return Point(point=name, support=self.support, share=self.support / n_reviews, evidence=self.quotes)

    def improvement(self, language: str) -> Improvement:
        what = self.aspect.improvement(language)
        return Improvement(point=what, support=self.support, evidence=self.quotes)


class Quoting:
    """Turns statements into quotes of the original bodies."""

    def __init__(self, reviews: Sequence[Review], readings: Sequence[Reading]) -> None:
        self._reviews, self._readings = reviews, readings

    def evidence(self, statement: Statement) -> Evidence:
        reading = self._readings[statement.review]
        start, end = reading.span(statement.start, statement.end)
        return Evidence(
            review_id=self._reviews[statement.review].id, start=start, end=end, quote=reading.body[start:end]
        )

    def word(self, statement: Statement) -> str | None:
        """The word that judges, as it stands in the review."""
        if statement.word is None:
            return None
        reading = self._readings[statement.review]
        start, end = reading.span(*statement.word)
        return reading.body[start:end]


def themes(
    statements: Iterable[Statement], polarity: Polarity, *, vocabulary: Vocabulary, quoting: Quoting, most: int
) -> list[Theme]:
    """Those with most support first; equal support keeps the order of the aspects' list."""
    said: dict[str, dict[int, Statement]] = defaultdict(dict)
    for statement in statements:
        if statement.polarity != polarity:
            continue
        best = said[statement.aspect].get(statement.review)
        if best is None or statement.sureness > best.sureness:
            said[statement.aspect][statement.review] = statement
    ranked = sorted(said, key=lambda aspect: (-len(said[aspect]), vocabulary.order[aspect]))
    return [
        Theme(vocabulary.by_id[aspect], len(said[aspect]), _quotes(said[aspect].values(), quoting))
        for aspect in ranked[:most]
    ]


def _quotes(statements: Iterable[Statement], quoting: Quoting) -> tuple[Evidence, ...]:
    """The surest, no text twice while there are others."""
    surest = sorted(statements, key=lambda each: (-each.sureness, each.review))
    quotes, again = {}, []
    for statement in surest:
        evidence = quoting.evidence(statement)
        if evidence.quote in quotes:
            again.append(evidence)
        else:
            quotes[evidence.quote] = evidence
        if len(quotes) == QUOTES_PER_POINT:
            break
    return tuple([*quotes.values(), *again][:QUOTES_PER_POINT])
