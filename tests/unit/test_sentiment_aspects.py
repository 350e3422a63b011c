"""What a review says about which aspect: words that judge, what turns them round, whose aspect they are."""

from __future__ import annotations

import pytest

from storehand_plugins.sentiment.aspects import vocabulary
from storehand_plugins.sentiment.labels import Opinion
from storehand_plugins.sentiment.mentions import find_said
from storehand_plugins.sentiment.rating import NOTHING
from storehand_plugins.sentiment.reading import read
from storehand_plugins.sentiment.statements import judge, strongest

GLAD = Opinion(0.02, 0.03, 0.95, 0.93)


def says(
    body: str,
    *asked: str,
    synonyms: tuple[tuple[str, tuple[str, ...]], ...] = (),
    clause: Opinion | None = None,
    whole: Opinion = NOTHING,
) -> dict[str, str]:
    """Aspect -> "+", "-", "0" or both, as the words of a review say without a model."""
    reading, words = read(body), vocabulary(asked, synonyms)
    statements = [
        statement for mention in find_said(0, reading, words).mentions for statement in judge(mention, clause, whole)
    ]
    found: dict[str, str] = {}
    for each in strongest(statements):
        sign = {"positive": "+", "negative": "-", "neutral": "0"}[each.polarity]
        name = words.by_id[each.aspect].name("en")
        found[name] = found.get(name, "") + sign
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("物流很快", {"delivery": "+"}),
        ("Fast delivery", {"delivery": "+"}),
        ("质量一点都不好", {"quality": "-"}),
        ("The sound is not very clear", {"sound": "-"}),
        ("不贵", {"price": "+"}),
        ("not expensive at all", {"price": "+"}),
        ("噪音不大", {"noise": "+"}),
        ("没有一个坏的", {"freshness": "+"}),
        ("not only good but great quality", {"quality": "+"}),
        ("The quality is not bad", {"quality": "+"}),
        ("外观一般", {"looks": "0"}),
        ("The taste is okay", {"taste": "0"}),
    ],
)
def test_negation_turns_a_word_round_and_mild_words_are_neutral(body: str, expected: dict[str, str]) -> None:
    assert says(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("屏幕清晰电池太差", {"screen": "+", "battery": "-"}),
        ("great screen and terrible battery", {"screen": "+", "battery": "-"}),
        ("虽然包装不错，但是质量太差", {"packaging": "+", "quality": "-"}),
        ("The fit is great but the colour faded", {"size and fit": "+", "washing": "-"}),
        ("质量和物流都很好", {"quality": "+", "delivery": "+"}),
    ],
)
def test_each_aspect_has_its_own_polarity(body: str, expected: dict[str, str]) -> None:
    found = says(body)

    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "aspect"),
    [
        ("太贵了", "price"),
        ("太小了，穿不上", "size and fit"),
        ("too small for me", "size and fit"),
        ("用了一周就坏了", "durability"),
        ("It broke after a week", "durability"),
        ("偏重", "weight and bulk"),
        ("not as described", "as described"),
    ],
)
def test_an_opinion_may_name_its_aspect_by_itself(body: str, aspect: str) -> None:
    assert says(body)[aspect] == "-"


@pytest.mark.parametrize(
    ("body", "aspect", "sign"),
    [
        ("声音太大", "sound", "-"),
        ("屏幕很大", "screen", "+"),
        ("噪音很大", "noise", "-"),
        ("battery life is short", "battery", "-"),
        ("The screen is too small", "screen", "-"),
    ],
)
def test_a_word_means_what_it_means_for_the_aspect(body: str, aspect: str, sign: str) -> None:
    assert says(body) == {aspect: sign}


@pytest.mark.parametrize(
    "body", ["不知道会不会缩水", "还没洗过，不知道质量好不好", "I hope the battery is good", "快递"]
)
def test_doubts_hopes_and_bare_names_say_nothing(body: str) -> None:
    assert says(body) == {}


def test_where_no_word_judges_a_sure_classifier_decides_if_the_review_agrees() -> None:
    body = "电池让我想到过年"

    assert says(body, clause=GLAD, whole=GLAD) == {"battery": "+"}
    assert says(body, clause=GLAD, whole=NOTHING) == {}
    assert says(body, clause=Opinion(0.1, 0.2, 0.7, 0.6), whole=GLAD) == {}


def test_only_the_asked_for_aspects_come_back_under_the_names_they_were_asked_by() -> None:
    body = "物流很快，续航太差，屏幕清晰。"

    assert says(body, "续航", "物流") == {"物流": "+", "续航": "-"}
    assert says(body, "battery") == {"battery": "-"}
    assert says(body, "祝福语") == {}


def test_an_aspect_of_the_shops_own_is_found_by_its_name_and_its_synonyms() -> None:
    synonyms = (("carrying", ("strap", "背带")),)

    assert says("The strap is great, terrible screen", "carrying", synonyms=synonyms) == {"carrying": "+"}
    assert says("背带太差", synonyms=synonyms) == {"carrying": "-"}


def test_synonyms_widen_a_built_in_aspect() -> None:
    assert says("保冷很好", synonyms=(("保温加热", ("保冷",)),)) == {"保温加热": "+"}
    assert says("保冷很好") == {}


def test_traditional_and_wide_characters_are_read_like_the_plain_ones() -> None:
    assert says("質量很好，電池太差") == {"quality": "+", "battery": "-"}
    assert says("ＱＵＡＬＩＴＹ is ＢＡＤ") == {"quality": "-"}
