"""The contract of `sentiment`: reviews in, a label and score for each and a counted, quoted summary out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, field_validator, model_validator

from storehand.contracts.base import (
    Check,
    Locale,
    Markets,
    Model,
    Provenance,
    ShortText,
    TaskInput,
    TaskOutput,
    Usage,
)
from storehand.contracts.product import Product

Flag = Literal["pii", "injection", "suspected_fake", "off_topic", "truncated"]
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
    """One review. `id` is the shop's own and comes back with the answer. `review_body` stays as it was sent, blanks
    around it included: all offsets count in that string."""

    id: ShortText
    review_body: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=50_000)]
    review_rating: Rating | None = None
    date_published: AwareDatetime | None = None
    in_language: Locale | None = None

    @field_validator("review_body")
    @classmethod
    def _not_blank(cls, body: str) -> str:
        if not body.strip():
            raise ValueError("a review of white space only says nothing")
        return body


class AspectOpinion(Model):
    """What one review says about one aspect: characters `start` to `end` of its body are `quote`, in which `opinion`
    is the word that judges (none where the whole clause does). `aspect` is named as the job asked for it, else in the
    summary's language, else in the review's own."""

    aspect: str
    opinion: str | None = None
    polarity: Label
    start: int
    end: int
    quote: str


class ReviewSentiment(Model):
    """`score` runs from -1 (negative) to 1 (positive); `confidence` is the label's probability.

    `stars` (on the `stars5` scale) is 1 to 5. `star_mismatch`: the stars that were given say the opposite of the text.
    `flags`: `injection` the text gives orders to a machine (their sentences are left out, the rest is rated), `pii` it
    has personal data (never quoted), `suspected_fake` it repeats an earlier review or itself, `off_topic` it says
    nothing that can be read, or only speaks of the delivery of a `product` that was given, `truncated` the model read
    only the beginning.
    """

    id: str
    label: Label
    score: Annotated[float, Field(ge=-1, le=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    stars: Annotated[int, Field(ge=1, le=5)] | None = None
    star_mismatch: bool = False
    aspects: tuple[AspectOpinion, ...] = ()
    flags: tuple[Flag, ...] = ()


class Evidence(Model):
    """A verbatim quote: characters `start` to `end` of that review's body."""

    review_id: str
    start: int
    end: int
    quote: str


class Point(Model):
    """Something several reviews say. `support` counts them, `share` is support / number of all reviews.

    A long review that repeats an earlier one (`suspected_fake`) adds no support and is not quoted; short words that
    many people write alike ("Great quality") count each time.
    """

    point: str
    support: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(gt=0, le=1)]
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]


class Improvement(Model):
    """What to work on: a complaint, with how many reviews make it and what they say."""

    point: str
    support: Annotated[int, Field(ge=1)]
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]


class Keyword(Model):
    """A word or short phrase that reviews use; `support` counts them, `weight` runs to 1 for the weightiest."""

    term: str
    weight: Annotated[float, Field(gt=0, le=1)]
    support: Annotated[int, Field(ge=1)]


class TrendPeriod(Model):
    """Reviews published in `period` (`2026`, `2026-Q3`, `2026-11`, `2026-W47`, `2026-11-22`), each in
    its own time zone as `date_published` writes it: their mean score."""

    period: str
    mean: Annotated[float, Field(ge=-1, le=1)]
    n: Annotated[int, Field(ge=1)]


class Overall(Model):
    """`label` is the one most reviews have. Where several labels lead, the sign of `score` chooses among them; if it
    chooses none, the label is neutral, on the binary scale negative. Where praise and blame lead each other by less
    than a tenth of `n` and `score` lies within 0.1 of zero, feelings are mixed: the label is neutral (not on the
    binary scale).

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
    improvements: tuple[Improvement, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    trend: tuple[TrendPeriod, ...] = ()
    checks: tuple[Check, ...] = ()
    provenance: Provenance
    usage: Usage


class SentimentInput(TaskInput[SentimentOutput], task="sentiment"):
    """Rate reviews. On the `binary` scale nothing is called neutral; `stars5` adds 1 to 5 stars to each review.

    `aspects` limits aspects and points to these names, in any of our languages or words (`battery`, `电池`, `续航`);
    `aspect_synonyms` maps an aspect (built in or of the shop's own) to more words for it. `trend_period` cuts the
    reviews that have a date. `summary_language` is that of the points' names (Chinese, English for all others);
    default: the language most of the reviews have, one for all points and improvements. Without points (`max_points` 0)
    there are no improvements.
    """

    reviews: Annotated[tuple[Review, ...], Field(min_length=1, max_length=500)]
    product: Product | None = None
    locale: Locale | None = None
    market: Markets = ()
    scale: Literal["binary", "ternary", "stars5"] = "ternary"
    aspects: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    aspect_synonyms: Annotated[
        dict[ShortText, Annotated[tuple[ShortText, ...], Field(max_length=50)]], Field(max_length=50)
    ] = Field(default_factory=dict)
    max_points: Annotated[int, Field(ge=0, le=20)] = 5
    max_keywords: Annotated[int, Field(ge=0, le=50)] = 10
    trend_period: Literal["day", "week", "month", "quarter", "year"] = "month"
    summary_language: Locale | None = None

    @model_validator(mode="after")
    def _ids_differ(self) -> SentimentInput:
        ids = [review.id for review in self.reviews]
        if len(set(ids)) < len(ids):
            raise ValueError("review ids must differ")
        return self
