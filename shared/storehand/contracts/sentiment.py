"""The contract of `sentiment`: reviews in, a label and score for each and a counted, quoted summary out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from storehand.contracts.base import Locale, Model, Provenance, ShortText, TaskInput, TaskOutput, Usage

Label = Literal["positive", "neutral", "negative"]


class Rating(Model):
    """Stars as the shopper gave them (schema.org Rating)."""

    rating_value: Annotated[float, Field(ge=0)]
    best_rating: Annotated[float, Field(gt=0)] = 5

    @model_validator(mode="after")
    def _in_range(self) -> Rating:
        if self.rating_value > self.best_rating:
            raise ValueError(f"ratingValue {self.rating_value:g} is over bestRating {self.best_rating:g}")
        return self


class Review(Model):
    """One review. `id` is the shop's own and comes back with the answer."""

    id: ShortText
    review_body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
    review_rating: Rating | None = None
    date_published: AwareDatetime | None = None
    in_language: Locale | None = None


class ReviewSentiment(Model):
    """`score` runs from -1 (negative) to 1 (positive); `confidence` is the label's probability."""

    id: str
    label: Label
    score: Annotated[float, Field(ge=-1, le=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]


class Evidence(Model):
    """A verbatim quote: characters `start` to `end` of that review's body."""

    review_id: str
    start: int
    end: int
    quote: str


class Point(Model):
    """Something several reviews say. `support` counts them, `share` is support / number of reviews."""

    point: str
    support: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(gt=0, le=1)]
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]


class Overall(Model):
    """`label` is the one most reviews have. Where several labels lead, the sign of `score` chooses among them; if it
    chooses none, the label is neutral, on the binary scale negative.

    `score` is the mean over reviews; `distribution` counts reviews by label and sums to `n`.
    """

    label: Label
    score: Annotated[float, Field(ge=-1, le=1)]
    distribution: dict[Label, int]
    n: Annotated[int, Field(ge=1)]
    mean_rating: float | None = None


class SentimentOutput(TaskOutput):
    """All reviews together, each review in the order asked, and what several of them praise or complain about."""

    overall: Overall
    reviews: tuple[ReviewSentiment, ...]
    positive_notes: tuple[Point, ...] = ()
    negative_notes: tuple[Point, ...] = ()
    provenance: Provenance
    usage: Usage


class SentimentInput(TaskInput[SentimentOutput], task="sentiment"):
    """Rate reviews. On the `binary` scale nothing is called neutral."""

    reviews: Annotated[tuple[Review, ...], Field(min_length=1, max_length=500)]
    scale: Literal["binary", "ternary"] = "ternary"
    max_points: Annotated[int, Field(ge=0, le=20)] = 5

    @model_validator(mode="after")
    def _ids_differ(self) -> SentimentInput:
        ids = [review.id for review in self.reviews]
        if len(set(ids)) < len(ids):
            raise ValueError("review ids must differ")
        return self
