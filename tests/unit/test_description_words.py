"""Keywords, forbidden words and must-mention: kept where the facts allow it, reported where not."""

import pytest

from storehand_plugins.checks import find_words
from tests.unit.describing import ALL_FIELDS, BAG, KETTLE, Asked, described, rules, texts


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("product", "words"),
    [(KETTLE, ["made", "highlights", "features", "key", "it", "is", "with"]), (BAG, ["适合", "特点", "的", "它"])],
)
def test_a_forbidden_word_is_in_no_field(product: object, words: list[str], seed: int):
    output = described(product, forbidden_words=words, fields=ALL_FIELDS, seed=seed)
    assert [(field, text) for field, text in texts(output).items() if find_words(text, words)] == []
    assert output.best.attribute_coverage == 1.0


def test_a_fact_with_a_forbidden_word_is_left_out_and_named():
    output = described(KETTLE, forbidden_words=["BPA-free"], fields=ALL_FIELDS)
    assert not any("BPA" in text for text in texts(output).values())
    [check] = [each for each in output.checks if each.rule == "forbidden.fact"]
    assert (check.text, check.severity) == ("BPA-free", "warn")
    assert check.suggestion
    assert "fact.missing" not in rules(output)


def test_a_forbidden_word_in_the_name_blocks_and_says_where():
    output = described(KETTLE, forbidden_words=["kettle"], format="html")
    checks = [each for each in output.checks if each.rule == "forbidden.word"]
    assert {each.severity for each in checks} == {"block"}
    assert all(texts(output)[each.field][each.start : each.end] == "Kettle" for each in checks)


def test_a_sentence_of_a_model_with_a_forbidden_word_is_dropped_and_its_fact_said_otherwise():
    reply = "Title: Harbour Electric Kettle\nDescription: The kettle has a luxurious auto shut-off. It is BPA-free."
    output = described(KETTLE, by=Asked("chat", lambda prompt: reply), forbidden_words=["luxurious"])
    assert "luxurious" not in output.best.description
    assert output.best.attribute_coverage == 1.0


def test_keywords_are_said_where_the_product_supports_them():
    kettle = {**KETTLE, "description": "A kettle with a gooseneck spout. It ships soon."}
    output = described(kettle, keywords=["electric kettle", "kitchen", "gooseneck", "solar"])
    assert "gooseneck spout" in output.best.description
    assert "Kitchen" in output.best.description
    assert output.best.keyword_coverage == 0.75
    [check] = [each for each in output.checks if each.rule.startswith("keyword")]
    assert (check.rule, check.text, check.field) == ("keyword.unsupported", "solar", "input.keywords[3]")


def test_a_supported_keyword_without_room_is_reported():
    output = described(KETTLE, keywords=["kitchen"], length={"max": 60})
    assert "keyword.missing" in rules(output)
    assert output.best.keyword_coverage == 0.0


def test_an_unknown_must_mention_is_reported():
    output = described(KETTLE, must_mention=["capacity", "colour", "brand", "bpa free", "warranty"])
    found = [(each.rule, each.text) for each in output.checks if each.rule.startswith("must")]
    assert found == [("must_mention.unknown", "warranty")]


def test_a_must_mention_that_could_not_be_said_is_reported():
    output = described(BAG, must_mention=["防水"], forbidden_words=["防水"])
    assert "must_mention.missing" in rules(output)


def test_names_are_known_in_either_language():
    assert rules(described({"name": "台灯", "color": "白色"}, must_mention=["颜色", "Color"])) == ["text.realised"]
