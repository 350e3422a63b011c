"""Keywords: whole words, counted once per review, without the words that every review has."""

from __future__ import annotations

from storehand_plugins.sentiment.aspects import vocabulary
from storehand_plugins.sentiment.keywords import keywords
from storehand_plugins.sentiment.reading import folded


def terms(*texts: str, product: str = "", most: int = 10) -> dict[str, int]:
    found = keywords([folded(text) for text in texts], vocabulary(), product=product, most=most)
    return {keyword.term: keyword.support for keyword in found}


def test_a_review_counts_once_per_term() -> None:
    assert terms("battery, battery, battery", "the batteries are old") == {"battery": 2}


def test_a_pair_of_words_takes_the_place_of_its_parts() -> None:
    texts = ["The carrying case is nice", "a good carrying case", "carrying case torn"]

    assert terms(*texts) == {"carrying case": 3}


def test_chinese_words_are_whole() -> None:
    found = terms("下水道堵了", "下水道反味", "我家下水道", "胶圈松了", "换了胶圈", "这个胶圈不行")

    assert found["胶圈"] == 3
    assert "水道" not in found


def test_words_of_grammar_and_of_mere_praise_are_no_keywords() -> None:
    assert (
        terms("我们觉得非常好，喜欢", "我们觉得非常好，喜欢", "great product, love it", "great product, love it") == {}
    )


def test_the_product_is_no_keyword_of_its_own_reviews() -> None:
    assert terms("the kettle lid", "kettle lid", product="Steel Kettle") == {"kettle lid": 2}
    assert "保温杯" not in terms("保温杯的胶圈", "保温杯的胶圈", product="保温杯")


def test_the_weightiest_comes_first_and_weighs_one() -> None:
    found = keywords(["battery screen", "battery", "battery, camera"], vocabulary(), most=2)

    assert (found[0].term, found[0].weight) == ("battery", 1)
    assert len(found) == 2
