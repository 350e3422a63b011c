"""The task itself: read every review alone, ask the classifier about all of them together, then count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from storehand.contracts.base import Provenance, Usage
from storehand.contracts.sentiment import AspectOpinion, Label, Overall, ReviewSentiment, SentimentInput, SentimentOutput
from storehand.task import Context, Models, Task
from storehand_plugins.sentiment.aspects import Vocabulary, vocabulary
from storehand_plugins.sentiment.clauses import readable
from storehand_plugins.sentiment.copies import find_copies, plain_letters, repeats_itself
from storehand_plugins.sentiment.examples import EXAMPLES
from storehand_plugins.sentiment.flags import Oddities, checks_of, contradicts, flags_of, is_off_topic
from storehand_plugins.sentiment.keywords import keywords
from storehand_plugins.sentiment.labels import Opinion
from storehand_plugins.sentiment.mentions import Mention, find_mentions
from storehand_plugins.sentiment.points import Quoting, themes
from storehand_plugins.sentiment.rating import ROLE, Rater
from storehand_plugins.sentiment.reading import Reading, has_han, read
from storehand_plugins.sentiment.statements import Statement, judge, needs_classifier, strongest
from storehand_plugins.sentiment.trend import trend

_TIED_SCORE = 1e-3
"""As near to zero, a mean score is one of equal parts: engines differ by their float error."""

_DIGITS = 4  # of scores: more would differ between batches, by the engine's float error


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

    def run(self, input: SentimentInput, models: Models, context: Context) -> SentimentOutput:  # noqa: A002
        rater = Rater(models, context)
        readings = [_read(review.review_body, context) for review in input.reviews]
        words = vocabulary(input.aspects, tuple(sorted(input.aspect_synonyms.items())))
        mentions = [find_mentions(number, reading, words) for number, reading in enumerate(readings)]
        pieces = [rater.pieces(reading) for reading in readings]
        asked = [readable(_text(readings, each)) for found in mentions for each in found if needs_classifier(each)]
        rater.ask([*(text for texts, _ in pieces for text in texts), *asked])

        opinions = [_rounded(rater.opinion(*pair)) for pair in zip(readings, (texts for texts, _ in pieces), strict=True)]
        statements = [_statements(found, readings, opinion, rater) for found, opinion in zip(mentions, opinions, strict=True)]
        letters = [plain_letters(reading.folded) for reading in readings]
        copies = find_copies(input.reviews, letters)
        oddities = [
            Oddities(
                copied=copies.get(number),
                repeats=repeats_itself(letters[number]),
                mismatch=contradicts(review.review_rating, opinions[number], statements[number]),
                truncated=pieces[number][1] or rater.was_cut(pieces[number][0]),
                off_topic=is_off_topic(readings[number], opinions[number], words, input.product),
            )
            for number, review in enumerate(input.reviews)
        ]
        return self._output(input, models, rater, readings, opinions, statements, oddities, words)

    def _output(self, input, models, rater, readings, opinions, statements, oddities, words):  # type: ignore
        quoting = Quoting(input.reviews, readings)
        reviews = tuple(
            _review(input, number, opinion, found, odd, quoting, words)
            for number, (opinion, found, odd) in enumerate(zip(opinions, statements, oddities, strict=True))
        )
        said = [each for found in statements for each in found]
        most, language = input.max_points, _language(input.summary_language)
        praised = themes(said, "positive", vocabulary=words, quoting=quoting, most=most)
        blamed = themes(said, "negative", vocabulary=words, quoting=quoting, most=most)
        now = datetime.now(UTC)
        checks = [
            check
            for number, (reading, odd) in enumerate(zip(readings, oddities, strict=True))
            for check in checks_of(number, input.reviews, reading, odd, now=now)
        ]
        usage, info = models.usage, rater.info
        return SentimentOutput(
            overall=_overall(input, reviews),
            reviews=reviews,
            positive_notes=tuple(theme.point(language, len(reviews)) for theme in praised),
            negative_notes=tuple(theme.point(language, len(reviews)) for theme in blamed),
            improvements=tuple(theme.improvement(language) for theme in blamed),
            keywords=keywords(
                [reading.folded for reading in readings],
                words,
                product=input.product.name if input.product else "",
                most=input.max_keywords,
            ),
            trend=trend(
                ((review.date_published, rated.score) for review, rated in zip(input.reviews, reviews, strict=True)),
                input.trend_period,
            ),
            checks=tuple(checks),
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


def _read(body: str, context: Context) -> Reading:
    context.check()
    return read(body)


def _text(readings: Sequence[Reading], mention: Mention) -> str:
    return readings[mention.review].text[mention.start : mention.end]


def _rounded(opinion: Opinion) -> Opinion:
    return type(opinion)(
        round(opinion.negative, _DIGITS),
        round(opinion.neutral, _DIGITS),
        round(opinion.positive, _DIGITS),
        round(opinion.score, _DIGITS),
    )


def _statements(
    mentions: Sequence[Mention], readings: Sequence[Reading], whole: Opinion, rater: Rater
) -> list[Statement]:
    found = []
    for mention in mentions:
        clause = rater.of_text(readable(_text(readings, mention))) if needs_classifier(mention) else None
        found += judge(mention, clause, whole)
    return strongest(found)


def _review(input, number, opinion, statements, odd, quoting, words):  # type: ignore
    review = input.reviews[number]
    shown = opinion.without_neutral() if input.scale == "binary" else opinion
    language = _language(input.summary_language) or ("zh" if has_han(review.review_body) else "en")
    aspects = []
    for each in statements:
        if each.polarity == "neutral" and input.scale == "binary":
            continue
        quote = quoting.evidence(each)
        aspects.append(
            AspectOpinion(
                aspect=words.by_id[each.aspect].name(language),
                opinion=quoting.word(each),
                polarity=each.polarity,
                start=quote.start,
                end=quote.end,
                quote=quote.quote,
            )
        )
    return ReviewSentiment(
        id=review.id,
        label=shown.label,
        score=max(-1.0, min(1.0, round(shown.score, _DIGITS))),
        confidence=min(1.0, round(shown.confidence, _DIGITS)),
        stars=opinion.stars if input.scale == "stars5" else None,
        star_mismatch=odd.mismatch,
        aspects=tuple(aspects),
        flags=flags_of(quoting._readings[number], odd),
    )


def _language(locale: str | None) -> str | None:
    """That of names we have: Chinese, or English for everybody else."""
    return None if locale is None else "zh" if locale.lower().split("-")[0] == "zh" else "en"


def _overall(input: SentimentInput, reviews: Sequence[ReviewSentiment]) -> Overall:  # noqa: A002  # the word of the domain
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
    leaders: list[Label] = [label for label, count in distribution.items() if count == most]
    if len(leaders) == 1:
        return leaders[0]
    leaning: Label = "positive" if score > _TIED_SCORE else "negative" if score < -_TIED_SCORE else "neutral"
    if leaning in leaders:
        return leaning
    return "neutral" if "neutral" in distribution else "negative"
