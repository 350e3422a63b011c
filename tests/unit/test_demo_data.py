"""The demo's shop is bilingual at any size."""

from __future__ import annotations

import pytest

from storehand.contracts import CopyInput, DescriptionInput, RecommendationInput, SentimentInput
from storehand_worker.demo.shop import REVIEWS_PER_JOB, load_shop


def of(shop, kind):
    return [asked for asked in shop.bulk if isinstance(asked.input, kind)]


def languages(shop):
    return tuple([asked.language for asked in of(shop, kind)] for kind in (DescriptionInput, SentimentInput))


def reviews(shop):
    return [review for asked in of(shop, SentimentInput) for review in asked.input.reviews]


def test_the_usual_demo_has_as_many_of_both_languages_without_repeating_itself():
    shop = load_shop(48, 220)

    by_product, by_group = languages(shop)
    assert len({asked.input.product.name for asked in of(shop, DescriptionInput)}) == 48
    assert len({review.id for review in reviews(shop)}) == 220
    assert by_product.count("zh") == by_product.count("en") == 24
    assert abs(by_group.count("zh") - by_group.count("en")) <= 4


@pytest.mark.parametrize("kind", [CopyInput, RecommendationInput])
def test_campaigns_and_shoppers_come_in_both_languages(kind):
    found = [asked.language for asked in of(load_shop(1, 1), kind)]

    assert len(found) >= 8
    assert found.count("zh") == found.count("en")


def test_the_help_desk_is_asked_in_both_languages_and_knows_both():
    shop = load_shop(1, 1)

    assert {each.language for each in shop.conversations} == {"zh", "en"}
    assert any(len(each.turns) > 1 for each in shop.conversations)
    assert len(shop.articles) >= 40
    assert shop.units()["chat"] == sum(len(each.turns) for each in shop.conversations)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_short_demo_alternates(count):
    by_product, by_group = languages(load_shop(count, 20))

    assert by_product == [("en", "zh")[index % 2] for index in range(count)]
    assert by_group == ["en", "zh"]


def test_more_than_there_is_begins_again_with_another_seed():
    shop = load_shop(49, 500)

    descriptions = of(shop, DescriptionInput)
    first, again = descriptions[0].input, descriptions[48].input
    assert first.product == again.product
    assert first.seed != again.seed
    assert len(reviews(shop)) == 500


def test_every_job_has_at_most_ten_reviews_and_a_gold_label_for_each():
    for asked in of(load_shop(1, 215), SentimentInput):
        assert len(asked.input.reviews) <= REVIEWS_PER_JOB
        assert set(asked.gold) == {review.id for review in asked.input.reviews}
        assert set(asked.gold.values()) <= {"positive", "neutral", "negative"}
