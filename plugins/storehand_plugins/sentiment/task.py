"""The task itself: read every review alone, ask the classifier about all of them together, then count."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from storehand.contracts.base import Provenance
from storehand.contracts.sentiment import SentimentInput, SentimentOutput
from storehand.task import Context, Models, Task
from storehand_plugins.sentiment.aspects import Vocabulary, vocabulary
from storehand_plugins.sentiment.copies import find_copies, plain_letters, repeats_itself
from storehand_plugins.sentiment.examples import EXAMPLES
from storehand_plugins.sentiment.flags import Oddities, checks_of, contradicts, is_off_topic
from storehand_plugins.sentiment.keywords import keywords
from storehand_plugins.sentiment.points import Quoting, themes
from storehand_plugins.sentiment.rating import ROLE, Rated, Rater
from storehand_plugins.sentiment.reading import Reading, read
from storehand_plugins.sentiment.reviews import overall, rated_review, summary_language
from storehand_plugins.sentiment.trend import trend

if TYPE_CHECKING:
    from storehand.settings import Settings


class SentimentTask(Task[SentimentInput, SentimentOutput]):
    """Rates reviews with any classifier bound to the role `sentiment`.

    A review longer than the model reads is cut into windows at sentence ends; its probabilities are the windows' mean,
    weighted by their length. A model without a neutral label never says neutral. `mean_rating` is on five stars, over
    the reviews that have a rating.
    A review's entry depends on its own text alone, but for `suspected_fake`, which later copies of an earlier review
    get. It gets the same label alone as in company, the score up to the engine's float error.
    """

    name = "sentiment"
    version = "2"
    input_type = SentimentInput
    output_type = SentimentOutput
    roles: ClassVar = {ROLE: "classify"}
    starters: ClassVar = {ROLE: Path(__file__).parent.parent / "starter" / "sentiment"}
    examples = EXAMPLES

    def prepare(self, settings: Settings) -> None:
        """The words become patterns once; the first jobs would each do it, all at the same time."""
        keywords((), vocabulary())

    def run(self, input: SentimentInput, models: Models, context: Context) -> SentimentOutput:
        rater = Rater(models, context)
        readings = [_read(review.review_body, context) for review in input.reviews]
        words = vocabulary(input.aspects, tuple(sorted(input.aspect_synonyms.items())))
        rated = rater.rate(readings, words)
        context.check()
        oddities = _oddities(input, rated, words)
        context.check()
        return self._answer(input, rated, oddities, words, rater, models)

    def _answer(
        self,
        input: SentimentInput,
        rated: list[Rated],
        oddities: list[Oddities],
        words: Vocabulary,
        rater: Rater,
        models: Models,
    ) -> SentimentOutput:
        quoting = Quoting(input.reviews, [each.reading for each in rated])
        reviews = tuple(
            rated_review(input, number, rated[number], oddities[number], quoting, words)
            for number in range(len(input.reviews))
        )
        language = summary_language(input)
        statements = [  # a copy speaks for nobody
            each
            for review, odd in zip(rated, oddities, strict=True)
            if odd.copied is None
            for each in review.statements
        ]
        praised, blamed = (
            themes(statements, polarity, vocabulary=words, quoting=quoting, most=input.max_points)
            for polarity in ("positive", "negative")
        )
        texts = [
            "" if odd.copied is not None or each.reading.injections else each.reading.folded
            for each, odd in zip(rated, oddities, strict=True)
        ]
        dated = [(given.date_published, each.score) for given, each in zip(input.reviews, reviews, strict=True)]
        now = datetime.now(UTC)
        return SentimentOutput(
            overall=overall(input, reviews),
            reviews=reviews,
            positive_notes=tuple(theme.point(language, len(reviews)) for theme in praised),
            negative_notes=tuple(theme.point(language, len(reviews)) for theme in blamed),
            improvements=tuple(theme.improvement(language) for theme in blamed),
            keywords=keywords(
                texts, words, product=input.product.name if input.product else "", most=input.max_keywords
            ),
            trend=trend(dated, input.trend_period),
            checks=tuple(
                check
                for number, each in enumerate(rated)
                for check in checks_of(number, input.reviews, each.reading, oddities[number], now=now)
            ),
            provenance=Provenance(
                model=rater.info.name,
                revision=rater.info.revision,
                plugin=self.name,
                plugin_version=self.version,
                written_by="classifier",
                digital_source_type="default",
            ),
            usage=models.usage.as_usage(),
        )


def _read(body: str, context: Context) -> Reading:
    context.check()
    return read(body)


def _oddities(input: SentimentInput, rated: list[Rated], words: Vocabulary) -> list[Oddities]:
    letters = [plain_letters(each.reading.folded) for each in rated]
    copies = find_copies(input.reviews, letters)
    return [
        Oddities(
            copied=copies.get(number),
            repeats=repeats_itself(letters[number]),
            mismatch=contradicts(input.reviews[number].review_rating, each.opinion, each.statements),
            truncated=each.truncated,
            off_topic=is_off_topic(each.reading, each.opinion, words, input.product),
        )
        for number, each in enumerate(rated)
    ]
