"""Bounds are kept by choosing whole sentences; what had to go, and why, is said."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from storehand.contracts.description import Length
from storehand_plugins.checks import split_sentences
from storehand_plugins.description.length import measured, words
from tests.unit.describing import BAG, KETTLE, described, rules

WHOLE = (".", "!", "?", "。", "！", "？")


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True)
@given(st.sampled_from((KETTLE, BAG)), st.sampled_from(("chars", "words")), st.integers(20, 300), st.integers(0, 99))
def test_a_text_is_never_longer_than_asked_nor_cut(product: dict[str, object], unit: str, most: int, seed: int):
    output = described(product, length={"unit": unit, "max": most}, seed=seed)
    text = output.best.description
    assert measured(text, Length(unit="words" if unit == "words" else "chars", max=most)) <= most
    assert all(text[start:end].endswith(WHOLE) for start, end in split_sentences(text))


def test_must_mention_comes_first_where_there_is_no_room_for_all():
    output = described(KETTLE, length={"max": 60}, must_mention=["power"])
    assert "2200 W" in output.best.description
    assert "must_mention.missing" not in rules(output)
    assert "fact.left_out" in rules(output)
    assert "fact.missing" not in rules(output)


def test_then_what_fits_the_shopper():
    wishes = {"length": {"max": 75}, "user": {"consent": True, "preferences": ["black"]}}
    assert "atte black" in described(KETTLE, **wishes).best.description


@pytest.mark.parametrize("product", [KETTLE, BAG])
def test_a_text_that_facts_cannot_fill_is_reported_and_not_padded(product: object):
    output = described(product, length={"min": 2000, "max": 4000})
    assert rules(output)[0] == "length.under"
    assert len(split_sentences(output.best.description)) < 12
    assert output.best.unsupported_claims == ()


def test_a_short_text_that_is_long_enough_gets_no_check():
    output = described(KETTLE, length={"min": 40, "max": 400})
    assert not [rule for rule in rules(output) if rule.startswith("length")]


def test_a_bound_that_no_sentence_keeps_is_reported():
    output = described({"name": "The very long name of a product without any fact"}, length={"max": 20})
    assert "length.over" in rules(output)
    assert output.best.description


def test_a_hundred_attributes_are_all_said_or_said_to_be_left_out():
    many = {"name": "Kit", "additionalProperty": {f"key {n}": f"{'value ' * 30}{n}" for n in range(100)}}
    output = described(many, format="html")
    assert len(output.best.description) <= 5000
    missing = [each for each in output.best.attributes if each.status == "missing"]
    assert len(missing) == rules(output).count("fact.left_out") > 0


@pytest.mark.parametrize(
    ("text", "count"), [("A 1.7 L kettle.", 4), ("容量22升", 4), ("USB-C 接口", 3), ("iPhone 手机 5G", 4), ("", 0)]
)
def test_a_chinese_character_counts_as_a_word(text: str, count: int):
    assert words(text) == count
