"""Clauses, windows and what a model is shown."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand_plugins.sentiment.clauses import MAX_CLAUSE_CHARS, readable, split_clauses, windows


def clauses(body: str) -> list[str]:
    return [body[clause.start : clause.end] for clause in split_clauses(body)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("物流很快，质量也好！", ["物流很快", "质量也好"]),
        ("外观好看但是性能差", ["外观好看", "但是性能差"]),
        ("不但便宜而且好用", ["不但便宜而且好用"]),
        ("再好不过了", ["再好不过了"]),
        ("The fit is great but the colour faded.", ["The fit is great", "but the colour faded"]),
        ("3.5 stars, shipping cost 1,200 yen", ["3.5 stars", "shipping cost 1,200 yen"]),
        ("屏幕清晰,声音大", ["屏幕清晰", "声音大"]),
        ("很好👍👍", ["很好👍👍"]),
        ("。。。！", []),
        ("", []),
    ],
)
def test_a_review_falls_into_clauses(body: str, expected: list[str]) -> None:
    assert clauses(body) == expected


@given(st.text(alphabet=st.sampled_from("好差但是不过，。,. !abc但but 👍\u200b\n"), max_size=400))
def test_clauses_are_in_order_short_and_apart(body: str) -> None:
    found = split_clauses(body)

    assert all(0 < clause.end - clause.start <= MAX_CLAUSE_CHARS for clause in found)
    assert all(first.end <= second.start for first, second in pairwise(found))


@given(st.text(max_size=300), st.integers(min_value=1, max_value=40))
def test_windows_fit_and_lose_no_word(text: str, limit: int) -> None:
    found = windows(text, len, limit)

    assert all(len(window) <= limit for window in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_text_that_fits_stays_whole() -> None:
    assert windows("一句。两句。", len, 10) == ["一句。两句。"]


def test_windows_end_with_sentences_where_they_can() -> None:
    assert windows("很好用。很好看。", len, 5) == ["很好用。", "很好看。"]


@pytest.mark.parametrize("body", ["\x00\x01", "\u200b\u2060", " "])
def test_a_text_of_nothing_visible_becomes_a_full_stop(body: str) -> None:
    assert readable(body) == "。"


def test_control_characters_part_words() -> None:
    assert readable("good\x07phone\u200b好") == "good phone 好"
