"""The task itself: whole reviews and their clauses go to the classifier together, counting comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

from storehand.contracts.base import Provenance, Usage
from storehand.contracts.sentiment import Label, Overall, Review, ReviewSentiment, SentimentInput, SentimentOutput
from storehand.task import Context, Models, Task
from storehand_plugins.sentiment.aspects import built_in_aspects
from storehand_plugins.sentiment.clauses import readable, split_clauses, windows
from storehand_plugins.sentiment.examples import EXAMPLES
from storehand_plugins.sentiment.labels import LabelReader, Opinion, combine
from storehand_plugins.sentiment.points import Mention, count_points, find_mentions

ROLE = "sentiment"
TEXTS_PER_CALL = 512
"""Enough for full batches, few enough that a cancelled job is noticed in between."""

_TIED_SCORE = 1e-3
"""As near to zero, a mean score is one of equal parts: engines differ by their float error."""

_SPARE_TOKENS = 4  # for the special tokens of any model


class SentimentTask(Task[SentimentInput, SentimentOutput]):
    """Rates reviews with any classifier bound to the role `sentiment`.

    A review longer than the model reads is cut into windows at sentence ends; its probabilities are the windows' mean,
    weighted by their length. A model without a neutral label never says neutral. `mean_rating` is on five stars, over
    the reviews that have a rating.
    Answers depend on each text alone: a review gets the same label alone as in company, the score up to the engine's
    float error.
    """

    name = "sentiment"
    input_type = SentimentInput
    output_type = SentimentOutput
    roles: ClassVar = {ROLE: "classify"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "sentiment"}
    examples = EXAMPLES

    def run(self, input: SentimentInput, models: Models, context: Context) -> SentimentOutput:  # noqa: A002
        info = models.info(ROLE)
        reader = LabelReader(info.labels)
        pieces = _windows(input.reviews, max(1, info.max_tokens - _SPARE_TOKENS), models, context)
        mentions = _mentions(input.reviews, context) if input.max_points else []
        texts = [text for review in pieces for text in review] + [readable(mention.quote) for mention in mentions]

        opinions = iter(_classify(texts, reader, models, context))
        by_review = [combine(list(islice(opinions, len(piece))), [len(text) for text in piece]) for piece in pieces]
        said = list(zip(mentions, opinions, strict=True))

        if input.scale == "binary":
            by_review = [opinion.without_neutral() for opinion in by_review]
        reviews = tuple(
            ReviewSentiment(id=review.id, label=opinion.label, score=opinion.score, confidence=opinion.confidence)
            for review, opinion in zip(input.reviews, by_review, strict=True)
        )
        ids, finder = [review.id for review in input.reviews], built_in_aspects()
        positive, negative = (
            count_points(said, polarity, review_ids=ids, finder=finder, max_points=input.max_points)
            for polarity in ("positive", "negative")
        )
        usage = models.usage
        return SentimentOutput(
            overall=_overall(input, reviews),
            reviews=reviews,
            positive_notes=positive,
            negative_notes=negative,
            provenance=Provenance(
                model=info.name,
                revision=info.revision,
                plugin=self.name,
                plugin_version=self.version,
                written_by="classifier",
                digital_source_type="default",
            ),
            usage=Usage(
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
                lane_wait_s=usage.lane_wait_s,
                inference_s=usage.inference_s,
            ),
        )


def _windows(reviews: Sequence[Review], limit: int, models: Models, context: Context) -> list[list[str]]:
    pieces: list[list[str]] = []
    for review in reviews:
        context.check()
        pieces.append(windows(readable(review.review_body), lambda text: models.count_tokens(ROLE, text), limit))
    return pieces


def _mentions(reviews: Sequence[Review], context: Context) -> list[Mention]:
    finder = built_in_aspects()
    mentions: list[Mention] = []
    for index, review in enumerate(reviews):
        context.check()
        mentions += find_mentions(index, review.review_body, split_clauses(review.review_body), finder)
    return mentions


def _classify(texts: Sequence[str], reader: LabelReader, models: Models, context: Context) -> list[Opinion]:
    """One opinion per text. Shoppers repeat each other, and a short review is its own only clause: ask once."""
    different = list(dict.fromkeys(texts))
    found: dict[str, Opinion] = {}
    for start in range(0, len(different), TEXTS_PER_CALL):
        context.check()
        asked = different[start : start + TEXTS_PER_CALL]
        found.update(zip(asked, map(reader.read, models.classify(ROLE, asked)), strict=True))
    return [found[text] for text in texts]


def _overall(input: SentimentInput, reviews: Sequence[ReviewSentiment]) -> Overall:  # noqa: A002  # the word of the domain
    score = sum(review.score for review in reviews) / len(reviews)
    ternary: tuple[Label, ...] = ("positive", "neutral", "negative")
    binary: tuple[Label, ...] = ("positive", "negative")
    scale = ternary if input.scale == "ternary" else binary
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
    leaders: list[Label] = [label for label, count in distribution.items() if count == most]
    if len(leaders) == 1:
        return leaders[0]
    leaning: Label = "positive" if score > _TIED_SCORE else "negative" if score < -_TIED_SCORE else "neutral"
    if leaning in leaders:
        return leaning
    return "neutral" if "neutral" in distribution else "negative"
