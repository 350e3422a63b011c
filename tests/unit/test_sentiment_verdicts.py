"""Short reviews that say plainly how a thing fares, and what denies trouble."""

from __future__ import annotations

import pytest

from storehand_plugins.sentiment.reading import folded
from storehand_plugins.sentiment.verdicts import verdict
from tests.unit.test_sentiment_task import rate


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Not bad at all, I'd buy it again", 1),
        ("Nothing bad to say", 1),
        ("It doesn't leak", 1),
        ("不漏", 1),
        ("不容易掉色", 1),
        ("用了一周就坏了", -1),
        ("Broke after two weeks", -1),
        ("The battery dies fast", -1),
        ("容易掉色", -1),
        ("Not bad, but it leaks", 0),
        ("I hope it doesn't leak", 0),
        ("会不会漏水？", 0),
        ("就是个水壶", 0),
        ("It doesn't leak. " * 9, 0),
    ],
)
def test_only_plain_words_of_a_short_review_are_a_verdict(body: str, expected: int) -> None:
    assert verdict(folded(body)) == expected


@pytest.mark.parametrize(
    ("body", "polarity"),
    [
        ("no battery problems", "positive"),
        ("the battery has problems", "negative"),
        ("质量没有问题", "positive"),
        ("没有任何质量问题", "positive"),
        ("电池一点毛病都没有", "positive"),
        ("电池毛病很多", "negative"),
        ("the screen scratches easily", "negative"),
        ("the screen does not scratch easily", "positive"),
        ("拉链容易坏", "negative"),
        ("颜色不容易掉色", "positive"),
        ("easily assembled", "positive"),
    ],
)
def test_denied_trouble_is_praise_and_what_breaks_easily_is_blame(body: str, polarity: str) -> None:
    found = {aspect.polarity for aspect in rate(body).reviews[0].aspects}

    assert found == {polarity}
