"""A review's own entry in the answer, and what all entries come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storehand.contracts.sentiment import AspectOpinion, Label, Overall, ReviewSentiment, SentimentInput
from storehand_plugins.sentiment.aspects import Vocabulary
from storehand_plugins.sentiment.flags import Oddities, flags_of
from storehand_plugins.sentiment.labels import SCORE_DIGITS
from storehand_plugins.sentiment.points import Quoting
from storehand_plugins.sentiment.rating import Rated
from storehand_plugins.sentiment.reading import has_han
from storehand_plugins.sentiment.statements import Statement

_SMALL_LEAD = 0.1
_MIXED_SCORE = 0.1
_TIED_SCORE = 1e-3
"""As near to zero, a mean score is one of equal parts: engines differ by their float error."""


def rated_review(
    input: SentimentInput,
    number: int,
    rated: Rated,
    odd: Oddities,
    quoting: Quoting,
    words: Vocabulary,
) -> ReviewSentiment:
    """The entry of review `number`. Its aspects are named in the summary's language, else in the review's own."""
    review = input.reviews[number]
    is_binary = input.scale == "binary"
    shown = rated.opinion.without_neutral() if is_binary else rated.opinion
    language = names_language(input.summary_language) or ("zh" if has_han(review.review_body) else "en")
    return ReviewSentiment(
        id=review.id,
        label=shown.label,
        score=round(shown.score, SCORE_DIGITS),
        confidence=round(shown.confidence, SCORE_DIGITS),
        stars=rated.opinion.stars if input.scale == "stars5" else None,
        star_mismatch=odd.mismatch,
        aspects=tuple(
            _aspect(statement, quoting, words.by_id[statement.aspect].name(language))
            for statement in rated.statements
            if not (is_binary and statement.polarity == "neutral")
        ),
        flags=flags_of(rated.reading, odd),
    )


def _aspect(statement: Statement, quoting: Quoting, name: str) -> AspectOpinion:
    found = quoting.evidence(statement)
    return AspectOpinion(
        aspect=name,
        opinion=quoting.word(statement),
        polarity=statement.polarity,
        start=found.start,
        end=found.end,
        quote=found.quote,
    )


def names_language(locale: str | None) -> str | None:
    """That of names we have: Chinese, or English for everybody else."""
    return None if locale is None else "zh" if locale.lower().split("-")[0] == "zh" else "en"


def summary_language(input: SentimentInput) -> str:
    """The one asked for, else that of most reviews."""
    chinese = sum(has_han(review.review_body) for review in input.reviews)
    return names_language(input.summary_language) or ("zh" if 2 * chinese >= len(input.reviews) else "en")


def overall(input: SentimentInput, reviews: Sequence[ReviewSentiment]) -> Overall:
    """All reviews together."""
    score = sum(review.score for review in reviews) / len(reviews)
    ternary: tuple[Label, ...] = ("positive", "neutral", "negative")
    binary: tuple[Label, ...] = ("positive", "negative")
    scale = binary if input.scale == "binary" else ternary
    distribution: dict[Label, int] = {name: sum(review.label == name for review in reviews) for name in scale}
    rated = [review.review_rating for review in input.reviews if review.review_rating]
    stars = [5 * rating.rating_value / rating.best_rating for rating in rated]
    return Overall(
        label=_leading(distribution, score),
        score=max(-1.0, min(1.0, score)),
        distribution=distribution,
        n=len(reviews),
        mean_rating=sum(stars) / len(stars) if stars else None,
    )


def _leading(distribution: Mapping[Label, int], score: float) -> Label:
    """The rule that `Overall` states."""
    most = max(distribution.values())
    gap = abs(distribution["positive"] - distribution["negative"])
    is_mixed = most > distribution.get("neutral", most) and gap < _SMALL_LEAD * sum(distribution.values())
    if is_mixed and abs(score) <= _MIXED_SCORE:
        return "neutral"
    leaders: list[Label] = [label for label, count in distribution.items() if count == most]
    if len(leaders) == 1:
        return leaders[0]
    leaning: Label = "positive" if score > _TIED_SCORE else "negative" if score < -_TIED_SCORE else "neutral"
    if leaning in leaders:
        return leaning
    return "neutral" if "neutral" in distribution else "negative"
