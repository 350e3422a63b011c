"""The demo's shop is bilingual at any size."""

from __future__ import annotations

import pytest

from storehand_worker.demo_data import REVIEWS_PER_JOB, load_shop


def languages(shop):
    return [each.product.language for each in shop.products], [group.language for group in shop.groups]


def reviews(shop):
    return [review for group in shop.groups for review in group.input.reviews]


def test_the_usual_demo_has_as_many_of_both_languages_without_repeating_itself():
    shop = load_shop(48, 220)

    by_product, by_group = languages(shop)
    assert len({each.product.name for each in shop.products}) == 48
    assert len({review.id for review in reviews(shop)}) == 220
    assert by_product.count("zh") == by_product.count("en") == 24
    assert abs(by_group.count("zh") - by_group.count("en")) <= 4


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_short_demo_alternates(count):
    by_product, by_group = languages(load_shop(count, 20))

    assert by_product == [("en", "zh")[index % 2] for index in range(count)]
    assert by_group == ["en", "zh"]


def test_more_than_there_is_begins_again_with_another_seed():
    shop = load_shop(49, 500)

    first, again = shop.products[0], shop.products[48]
    assert first.product == again.product
    assert first.seed != again.seed
    assert len(reviews(shop)) == 500


def test_every_job_has_at_most_ten_reviews_and_a_gold_label_for_each():
    for group in load_shop(1, 215).groups:
        assert len(group.input.reviews) <= REVIEWS_PER_JOB
        assert set(group.gold) == {review.id for review in group.input.reviews}
        assert set(group.gold.values()) <= {"positive", "neutral", "negative"}
