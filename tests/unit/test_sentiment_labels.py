"""What the labels of any classifier come to."""

from __future__ import annotations

import pytest

from storehand.errors import ModelNotAvailable
from storehand.task import Classification
from storehand_plugins.sentiment.labels import LabelReader, Opinion, combine


def read(scores: dict[str, float]) -> Opinion:
    return LabelReader(list(scores)).read(Classification(scores))


@pytest.mark.parametrize(
    "scores",
    [
        {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
        {"NEG": 0.1, "NEU": 0.2, "POS": 0.7},
        {"LABEL_0": 0.1, "LABEL_1": 0.2, "LABEL_2": 0.7},
        {"Positive": 0.7, "Negative": 0.1, "Neutral": 0.2},
        {"正面": 0.7, "中性": 0.2, "负面": 0.1},
        {"差评": 0.1, "中评": 0.2, "好评": 0.7},
    ],
)
def test_three_labels_of_any_usual_name_are_read(scores: dict[str, float]) -> None:
    opinion = read(scores)

    assert (opinion.negative, opinion.neutral, opinion.positive) == pytest.approx((0.1, 0.2, 0.7))
    assert opinion.score == pytest.approx(0.6)
    assert opinion.label == "positive"
    assert opinion.confidence == pytest.approx(0.7)


@pytest.mark.parametrize("names", [("LABEL_0", "LABEL_1"), ("0", "1"), ("NEGATIVE", "POSITIVE"), ("消极", "积极")])
def test_a_model_with_two_labels_never_says_neutral(names: tuple[str, str]) -> None:
    opinion = read({names[0]: 0.7, names[1]: 0.3})

    assert opinion.label == "negative"
    assert opinion.neutral == 0
    assert opinion.score == pytest.approx(-0.4)


@pytest.mark.parametrize(
    "names",
    [
        [f"{n} star" if n == 1 else f"{n} stars" for n in range(1, 6)],
        [f"LABEL_{n}" for n in range(5)],
        ["1", "2", "3", "4", "5"],
        ["一星", "二星", "三星", "四星", "五星"],
        ["very_negative", "negative", "neutral", "positive", "very_positive"],
    ],
)
def test_five_steps_are_equally_far_apart(names: list[str]) -> None:
    opinion = read(dict(zip(names, [0.5, 0.25, 0.1, 0.1, 0.05], strict=True)))

    assert opinion.score == pytest.approx(-0.5 - 0.125 + 0.05 + 0.05)
    assert opinion.negative == pytest.approx(0.75)
    assert opinion.neutral == pytest.approx(0.1)
    assert opinion.positive == pytest.approx(0.15)


@pytest.mark.parametrize(
    "names", [["joy", "anger"], ["LABEL_0"], ["LABEL_1", "LABEL_2"], ["positive", "neutral"], ["1", "2", "3"], []]
)
def test_labels_without_a_known_meaning_are_refused_with_advice(names: list[str]) -> None:
    with pytest.raises(ModelNotAvailable, match="id2label") as caught:
        LabelReader(names)

    assert caught.value.details["labels"] == names


def test_the_binary_scale_shares_out_what_was_neutral() -> None:
    opinion = Opinion(0.1, 0.6, 0.3, 0.2).without_neutral()

    assert opinion.label == "positive"
    assert opinion.confidence == pytest.approx(0.75)
    assert opinion.score == pytest.approx(0.5)


def test_nothing_but_neutral_still_has_a_label_on_the_binary_scale() -> None:
    opinion = Opinion(0.0, 1.0, 0.0, 0.0).without_neutral()

    assert opinion.label == "negative"
    assert opinion.confidence == 0.5
    assert opinion.score == 0


def test_windows_count_by_their_length() -> None:
    opinion = combine([Opinion(1, 0, 0, -1), Opinion(0, 0, 1, 1)], [30, 10])

    assert opinion.label == "negative"
    assert opinion.score == pytest.approx(-0.5)
