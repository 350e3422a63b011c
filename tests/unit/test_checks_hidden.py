"""Hidden characters, text in the wrong character set, and given words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand_plugins.checks import find_words, is_mojibake, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200bb\u200c\u200d\u2060c", "abc"),
        ("\ufeff好\u202e评\u202c", "好评"),
        ("a\x00b\x1b[0m\x85", "ab[0m"),
        ("soft\u00adhyphen", "softhyphen"),
        ("bad\ud800half", "badhalf"),
        ("x\ufe0f \U000e0041", "x "),
        ("line\r\n\ttab", "line\r\n\ttab"),
        ("ㅤ\u3164", ""),
    ],
)
def test_what_nobody_sees_is_taken_out(text: str, seen: str):
    found = visible(text)
    assert (found.text, found.removed) == (seen, len(text) - len(seen))


FLAG = "🏴" + "".join(chr(0xE0000 + ord(char)) for char in "gbeng") + "\U000e007f"


@pytest.mark.parametrize("text", ["👩\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", FLAG, "می\u200cخواهم"])
def test_emoji_and_scripts_that_need_joiners_keep_them(text: str):
    assert visible(text).text == text


@given(st.text(max_size=40))
def test_there_is_a_way_back_to_every_character(text: str):
    seen = visible(text)
    assert [text[index] for index in seen.origin] == list(seen.text)
    assert visible(seen.text).text == seen.text or seen.removed


def test_a_range_is_found_again_in_the_original():
    assert visible("a\u200bbc").span(1, 2) == (2, 3)


@pytest.mark.parametrize("text", ["中文很好", "café, naïve, Müller", "“È vero” – 5 €", "Ça va? ÉTÉ", "№ 5 × 3 °C"])
@pytest.mark.parametrize(("written", "read"), [("utf-8", "latin-1"), ("utf-8", "cp1252")])
def test_text_read_in_the_wrong_set_is_told_from_text_read_right(text: str, written: str, read: str):
    assert not is_mojibake(text)
    garbled = "".join(
        bytes([byte]).decode(read, errors="ignore") or chr(byte) for byte in text.encode(written, errors="ignore")
    )
    assert is_mojibake(garbled)


@pytest.mark.parametrize("text", ["鎴戜滑鐨勬墜鏈", "ÖÐÎÄºÜºÃ", "锟斤拷", "good \ufffd bag"])
def test_other_garbling_is_told_too(text: str):
    assert is_mojibake(text)


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("A Water-proof bag", ["waterproof"], ["Water-proof"]),
        ("an art cart", ["art"], ["art"]),
        ("全国最佳品牌", ["最佳"], ["最佳"]),
        ("ＢＥＳＴ best", ["best"], ["ＢＥＳＴ", "best"]),
        ("be\u200bst", ["best"], ["be\u200bst"]),
        ("best seller", ["best", "best seller"], ["best seller"]),
        ("很best的", ["best"], ["best"]),
        ("cheapest", ["cheap", ""], []),
    ],
)
def test_given_words_are_found_whole_and_however_spelt(text: str, words: list[str], found: list[str]):
    assert [span.text for span in find_words(text, words)] == found
