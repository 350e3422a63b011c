"""Which facts a text states, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand_plugins.checks import Wanted, find_facts, fold, split_sentences


def stated(text: str, wording: str) -> str | None:
    [span] = find_facts(text, [Wanted("fact", (wording,))])
    return None if span is None else text[span[0] : span[1]]


@pytest.mark.parametrize(
    ("text", "wording", "where"),
    [
        ("It has a 6.7 inch display.", "6.7-inch display", "6.7 inch display"),
        ("MADE OF Stainless-Steel!", "stainless steel", "Stainless-Steel"),
        ("容量为１.７ Ｌ。", "1.7L", "１.７ Ｌ"),
        ("屏幕为5.5英寸。", "5.5英寸屏幕", "屏幕为5.5英寸"),
        ("The display measures 6.7 inches.", "6.7-inch display", "display measures 6.7 inches"),
        ("A 15GB plan, 5G too.", "5G", "5G"),
        ("处理器A14，5G。", "A14", "A14"),
    ],
)
def test_a_fact_is_found_however_it_is_spelt(text: str, wording: str, where: str):
    assert stated(text, wording) == where


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("It holds 15GB.", "5G"),
        ("A 6.7-inch display.", "7-inch display"),
        ("A 16.7 inch display.", "6.7 inch display"),
        ("It costs 1,299.", "299"),
        ("A display. Weighs 6.7 kg.", "6.7-inch display"),
        ("Redwood", "red"),
        ("", "red"),
    ],
)
def test_a_part_of_something_else_does_not_count(text: str, wording: str):
    assert stated(text, wording) is None


def test_any_wording_of_a_fact_counts():
    assert find_facts("It keeps warm.", [Wanted("keepWarm", ("true", "keep warm", "keeps warm"))]) == [(3, 13)]


@given(st.text(max_size=30), st.text(alphabet="ab 5.英寸ＧＢ-", min_size=1, max_size=12), st.text(max_size=30))
def test_a_fact_between_spaces_is_always_found(before: str, wording: str, after: str):
    if not fold(wording).squashed().text.strip("."):
        return
    assert stated(f"{before} | {wording} | {after}", wording) is not None


@given(st.text(max_size=60))
def test_folding_keeps_the_way_back(text: str):
    folded = fold(text)
    assert len(folded.text) == len(folded.origin)
    assert list(folded.origin) == sorted(folded.origin)
    assert all(0 <= index < len(text) for index in folded.origin)


@given(st.text(alphabet="ab. !?。！”\n5", max_size=40))
def test_sentences_hold_all_of_the_text(text: str):
    pieces = "".join(text[start:end] for start, end in split_sentences(text))
    assert "".join(pieces.split()) == "".join(text.split())


def test_a_decimal_point_ends_no_sentence():
    text = "It is 6.7 inches wide. 续航1.5天！真的？Yes."
    assert [text[a:b] for a, b in split_sentences(text)] == ["It is 6.7 inches wide.", "续航1.5天！", "真的？", "Yes."]
