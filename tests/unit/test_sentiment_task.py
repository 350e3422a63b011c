"""The sentiment task on a model of a few words: counting, quoting, scales, long and odd reviews."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storehand.contracts import Rating, Review, SentimentInput, SentimentOutput
from storehand.errors import ModelNotAvailable, StopJob
from storehand.fakes import FakeContext, FakeModels
from storehand.task import Classification
from storehand_plugins.sentiment import SentimentTask
from storehand_plugins.sentiment.points import QUOTES_PER_POINT

TASK = SentimentTask()
GOOD = ("好", "快", "great", "good", "👍")
BAD = ("差", "慢", "bad", "terrible")


class WordModels(FakeModels):
    """Counts good and bad words; keeps what it was asked."""

    def __init__(self, context: FakeContext | None = None, labels: Sequence[str] = ("bad", "mixed", "good")) -> None:
        super().__init__({"sentiment": "classify"}, context, labels={"sentiment": labels})
        self.calls: list[list[str]] = []

    def classify(self, role: str, texts: Sequence[str]) -> list[Classification]:
        super().classify(role, texts)
        self.calls.append(list(texts))
        return [self._classification(text.lower()) for text in texts]

    def count_tokens(self, role: str, text: str) -> int:
        return len(text)

    def _classification(self, text: str) -> Classification:
        good, bad = (sum(text.count(word) for word in words) for words in (GOOD, BAD))
        verdict = "good" if good > bad else "bad" if bad > good else "mixed"
        return Classification({label: 0.9 if label == verdict else 0.05 for label in ("bad", "mixed", "good")})


def rate(*bodies: str, **fields: object) -> SentimentOutput:
    reviews = tuple(Review(id=f"r{number}", review_body=body) for number, body in enumerate(bodies))
    return TASK.run(SentimentInput(reviews=reviews, **fields), WordModels(), FakeContext())  # type: ignore[arg-type]  # the tests name real fields


def test_every_review_gets_its_label_and_the_counts_sum_up() -> None:
    answer = rate("很好", "太差了", "还没用", "great phone")

    assert [review.label for review in answer.reviews] == ["positive", "negative", "neutral", "positive"]
    assert answer.overall.distribution == {"positive": 2, "neutral": 1, "negative": 1}
    assert answer.overall.n == 4
    assert answer.overall.score == pytest.approx(sum(review.score for review in answer.reviews) / 4)


def test_the_binary_scale_knows_no_neutral() -> None:
    answer = rate("很好", "太差了", "还没用", scale="binary")

    assert {review.label for review in answer.reviews} <= {"positive", "negative"}
    assert answer.overall.label in ("positive", "negative")
    assert sum(answer.overall.distribution.values()) == 3
    assert "neutral" not in answer.overall.distribution


@pytest.mark.parametrize(
    ("bodies", "label"),
    [
        (("很好", "great phone"), "positive"),
        (("很好", "great phone", "太差了"), "positive"),
        (("很好", "太差了", "bad"), "negative"),
        (("很好", "还没用", "包装一般"), "neutral"),
        (("很好", "还没用"), "positive"),
        (("太差了", "还没用"), "negative"),
        (("很好", "太差了"), "neutral"),
    ],
)
def test_the_overall_label_is_that_of_most_reviews_and_the_score_breaks_ties(
    bodies: tuple[str, ...], label: str
) -> None:
    assert rate(*bodies).overall.label == label


def test_two_mild_praises_are_positive_overall() -> None:
    class Mild(WordModels):
        def _classification(self, text: str) -> Classification:
            return Classification({"bad": 0.3, "mixed": 0.3, "good": 0.4})

    reviews = (
        Review(id="a", review_body="周末到的，给家里老人用"),
        Review(id="b", review_body="the second one that we have"),
    )
    answer = TASK.run(SentimentInput(reviews=reviews), Mild(), FakeContext())

    assert answer.overall.score == pytest.approx(0.1)
    assert answer.overall.label == "positive"


def test_praise_and_blame_in_equal_parts_are_negative_on_the_binary_scale() -> None:
    assert rate("很好", "太差了", scale="binary").overall.label == "negative"


def test_a_point_counts_reviews_and_quotes_them() -> None:
    answer = rate("物流很快，快递小哥也好。", "发货快", "质量差，物流慢", "包装一般")

    (delivery,) = answer.positive_notes
    assert (delivery.point, delivery.support, delivery.share) == ("物流", 2, 0.5)
    assert {evidence.review_id for evidence in delivery.evidence} == {"r0", "r1"}
    assert {point.point: point.support for point in answer.negative_notes} == {"质量": 1, "物流": 1}


def test_all_points_and_improvements_speak_the_language_of_most_reviews() -> None:
    answer = rate("Delivery was great", "shipping was good", "质量差")

    assert [point.point for point in answer.positive_notes] == ["delivery"]
    assert [point.point for point in answer.negative_notes] == ["quality"]
    assert answer.improvements[0].point.isascii()


def test_mixed_feelings_without_a_clear_lead_are_neutral_overall() -> None:
    bodies = [*["物流很快"] * 10, *["物流很差"] * 11]

    assert rate(*bodies).overall.label == "neutral"
    assert rate(*bodies, scale="binary").overall.label == "negative"
    assert rate(*bodies, *["物流很差"] * 5).overall.label == "negative"


def test_offsets_count_in_the_body_as_it_was_sent() -> None:
    body = "\n  质量很好 \n"
    (aspect,) = rate(body).reviews[0].aspects

    assert (aspect.start, body[aspect.start : aspect.end]) == (3, "质量很好")


def test_a_body_of_white_space_is_refused() -> None:
    with pytest.raises(ValueError, match="white space"):
        Review(id="a", review_body=" \n ")


def test_a_bare_name_takes_the_next_clause_with_it() -> None:
    (point,) = rate("物流，太慢了，唉").negative_notes

    assert point.evidence[0].quote == "物流，太慢了"


def test_the_strongest_points_come_first_and_no_more_than_asked_for() -> None:
    answer = rate("物流快，质量好", "物流快", "包装好，物流快", "质量好", max_points=2)

    assert [(point.point, point.support) for point in answer.positive_notes] == [("物流", 3), ("质量", 2)]


def test_support_counts_all_reviews_and_quotes_a_few() -> None:
    (point,) = rate(*["物流快"] * 12).positive_notes

    assert point.support == 12
    assert len(point.evidence) == QUOTES_PER_POINT


def test_no_points_are_given_where_none_are_wanted() -> None:
    answer = rate("物流快，质量差", max_points=0, max_keywords=0)

    assert (answer.positive_notes, answer.negative_notes, answer.improvements, answer.keywords) == ((), (), (), ())
    assert [aspect.polarity for aspect in answer.reviews[0].aspects] == ["positive", "negative"]


def test_only_clauses_without_a_word_that_judges_are_asked_about_apart() -> None:
    models = WordModels()
    reviews = (Review(id="a", review_body="物流快，质量让人想哭"), Review(id="b", review_body="差"))

    TASK.run(SentimentInput(reviews=reviews), models, FakeContext())

    assert models.calls == [["物流快，质量让人想哭", "差", "质量让人想哭"]]


def test_a_text_that_comes_twice_is_asked_about_once() -> None:
    models = WordModels()
    reviews = (Review(id="a", review_body="物流快"), Review(id="b", review_body="物流快"))

    answer = TASK.run(SentimentInput(reviews=reviews), models, FakeContext())

    assert models.calls == [["物流快"]]
    assert [review.label for review in answer.reviews] == ["positive", "positive"]
    assert answer.positive_notes[0].support == 2


def test_five_hundred_reviews_are_answered_in_order() -> None:
    bodies = ["物流很好" if number % 3 else "物流很差" for number in range(500)]

    answer = rate(*bodies)

    assert [review.id for review in answer.reviews] == [f"r{number}" for number in range(500)]
    assert answer.overall.distribution == {"positive": 333, "neutral": 0, "negative": 167}


def test_the_whole_of_a_very_long_review_counts() -> None:
    (review,) = rate("质量好。" * 600 + "质量差，用着慢。" * 900).reviews

    assert review.label == "negative"


def test_the_mean_rating_is_on_five_stars() -> None:
    reviews = (
        Review(id="a", review_body="好", review_rating=Rating(rating_value=4)),
        Review(id="b", review_body="好", review_rating=Rating(rating_value=5, best_rating=10)),
        Review(id="c", review_body="好"),
    )

    answer = TASK.run(SentimentInput(reviews=reviews), WordModels(), FakeContext())

    assert answer.overall.mean_rating == pytest.approx((4 + 2.5) / 2)


def test_a_classifier_of_another_trade_is_refused() -> None:
    with pytest.raises(ModelNotAvailable, match="joy"):
        TASK.run(TASK.examples[0], WordModels(labels=("joy", "anger")), FakeContext())


def test_a_cancelled_job_stops_between_reviews() -> None:
    context = FakeContext(stop_at_check=5)
    reviews = tuple(Review(id=str(number), review_body="好") for number in range(20))

    with pytest.raises(StopJob):
        TASK.run(SentimentInput(reviews=reviews), WordModels(context), context)

    assert context.checks == 5


ODD = st.text(
    alphabet=st.one_of(
        st.sampled_from("物流质量屏幕好差快慢，。但是!.,\n\x00\u200b👍🏽e\u0301"),
        st.characters(exclude_categories=("Cs",)),
    ),
    min_size=1,
    max_size=200,
).filter(lambda text: bool(text.strip()))


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD, min_size=1, max_size=6))
def test_quotes_stand_word_for_word_at_their_offsets(bodies: list[str]) -> None:
    reviews = tuple(Review(id=str(number), review_body=body) for number, body in enumerate(bodies))
    answer = TASK.run(SentimentInput(reviews=reviews, max_points=20), WordModels(), FakeContext())

    by_id = {review.id: review.review_body for review in reviews}
    for review in answer.reviews:
        for aspect in review.aspects:
            assert by_id[review.id][aspect.start : aspect.end] == aspect.quote != ""
            assert aspect.opinion is None or aspect.opinion in aspect.quote
    for point in (*answer.positive_notes, *answer.negative_notes):
        assert 1 <= point.support <= len(reviews)
        assert point.share == point.support / len(reviews)
        assert len({evidence.review_id for evidence in point.evidence}) == len(point.evidence) <= point.support
        for evidence in point.evidence:
            assert by_id[evidence.review_id][evidence.start : evidence.end] == evidence.quote != ""
    assert sum(answer.overall.distribution.values()) == len(reviews) == len(answer.reviews)
