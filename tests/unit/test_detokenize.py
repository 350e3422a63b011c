"""Streamed text: whole characters, no stop strings, and pieces that join to the text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from storehand_worker.engines.detokenize import LONGEST, Decode, TextStream
from tests.tiny_models import byte_tokenizer, metaspace_tokenizer

BYTES = byte_tokenizer().backend_tokenizer
STOPS = st.lists(st.text("ab#背包\n", min_size=1, max_size=4), max_size=3)


META = metaspace_tokenizer().backend_tokenizer


def decode_with(tokenizer: Tokenizer) -> Decode:
    return lambda ids: tokenizer.decode(list(ids))


def stream_all(stream: TextStream, ids: list[int]) -> list[str]:
    pieces = []
    for token in ids:
        pieces.append(stream.push([token]))
        if stream.is_stopped:
            break
    return [*pieces, stream.finish()]


@pytest.mark.parametrize("tokenizer", [BYTES, META], ids=["byte-level", "sentencepiece"])
def test_chinese_comes_in_whole_characters(tokenizer: Tokenizer) -> None:
    text = "背包很轻，USB-C 🎒 好看。"
    pieces = stream_all(TextStream(decode_with(tokenizer)), tokenizer.encode(text).ids)

    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces)


@pytest.mark.parametrize("tokenizer", [BYTES, META], ids=["byte-level", "sentencepiece"])
@given(st.text("ab #背包é\n", max_size=30))
@settings(max_examples=60, deadline=None)
def test_pieces_join_to_what_is_decoded_at_once(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids
    decode = decode_with(tokenizer)
    stream = TextStream(decode)

    pieces = stream_all(stream, ids)

    assert "".join(pieces) == stream.text == decode(ids)


def test_a_character_that_is_cut_off_by_the_length_is_left_out() -> None:
    ids = BYTES.encode("好🎒").ids
    stream = TextStream(decode_with(BYTES))

    assert "".join(stream_all(stream, ids[:-1])) == "好"


@pytest.mark.parametrize("garbage", [0, 3, LONGEST + 20])
def test_text_at_once_and_token_by_token_are_the_same(garbage: int) -> None:
    """Whoever streams a text reads the same words as who does not, bytes that become no character included."""
    ids = [*BYTES.encode("a light bag 轻便背包").ids[:-1], *[BYTES.token_to_id("¢")] * garbage]  # a lone byte
    at_once, by_token = TextStream(decode_with(BYTES)), TextStream(decode_with(BYTES))
    at_once.write(ids)
    at_once.finish()

    stream_all(by_token, ids)

    assert at_once.text == by_token.text


def test_a_stop_string_over_several_tokens_is_cut_with_all_that_follows() -> None:
    stream = TextStream(decode_with(BYTES), ["###"])

    pieces = stream_all(stream, BYTES.encode("a bag###and more").ids)

    assert ("".join(pieces), stream.is_stopped) == ("a bag", True)


def test_what_could_become_a_stop_string_is_held_back_and_comes_when_it_does_not() -> None:
    stream = TextStream(decode_with(BYTES), ["##!"])
    hash_id = BYTES.encode("#").ids[0]

    held = [stream.push([hash_id]), stream.push([hash_id])]
    more = stream.push(BYTES.encode("a").ids)

    assert held == ["", ""]
    assert more == "##a"
    assert not stream.is_stopped


def test_the_earliest_of_several_stop_strings_counts() -> None:
    stream = TextStream(decode_with(BYTES), ["。", "好看"])

    assert "".join(stream_all(stream, BYTES.encode("颜色好看。").ids)) == "颜色"


@given(st.text("ab#背包\n", max_size=24), STOPS)
@settings(max_examples=150, deadline=None)
def test_streaming_with_stops_gives_the_text_before_the_first_stop(text: str, stops: list[str]) -> None:
    stream = TextStream(decode_with(BYTES), stops)
    found = [at for stop in stops if (at := text.find(stop)) >= 0]

    pieces = stream_all(stream, BYTES.encode(text).ids)

    joined = "".join(pieces)
    assert joined == stream.text
    # a stop that is whole earlier in the stream wins over one that begins earlier but is whole later
    assert text.startswith(joined)
    assert not any(stop in joined for stop in stops)
    assert stream.is_stopped == bool(found)
    if not found:
        assert joined == text


EVERY = st.text(
    st.one_of(st.sampled_from("ab #背包轻便é\n🎒👩\u200d🔧🇨🇳𠮷"), st.characters(codec="utf-8")), max_size=40
)


@pytest.mark.parametrize("tokenizer", [BYTES, META], ids=["byte-level", "sentencepiece"])
@given(EVERY)
@settings(max_examples=100, deadline=None)
def test_any_text_comes_in_pieces_that_hold_whole_characters_only(tokenizer: Tokenizer, text: str) -> None:
    text = text.replace("\ufffd", "?").replace("▁", "_")  # the mark of a broken character, SentencePiece's space
    ids = tokenizer.encode(text).ids
    decode = decode_with(tokenizer)

    pieces = stream_all(TextStream(decode), ids)

    assert "".join(pieces) == decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, BYTES.get_vocab_size() - 1), max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_tokens_give_what_is_decoded_at_once_but_for_an_unfinished_end(ids: list[int]) -> None:
    decode = decode_with(BYTES)

    assert "".join(stream_all(TextStream(decode), ids)) == decode(ids).rstrip("\ufffd")


@pytest.mark.parametrize("kind", ["text", "garbage", "nothing to see"])
def test_a_token_costs_the_same_wherever_it_stands(kind: str) -> None:
    ids = {
        "text": BYTES.encode("背包🎒 a bag ").ids * 100,
        "garbage": BYTES.encode("🎒").ids[:1] * 1500,
        "nothing to see": [BYTES.token_to_id("<|end|>")] * 1500,
    }[kind]
    decoded: list[int] = []

    def decode(part: Sequence[int]) -> str:
        decoded.append(len(part))
        return BYTES.decode(list(part), skip_special_tokens=True)

    stream = TextStream(decode)
    for token in ids:
        stream.push([token])

    assert max(decoded) <= 4 * LONGEST


def test_text_goes_on_after_tokens_that_were_none() -> None:
    ids = BYTES.encode("背包").ids
    stream = TextStream(decode_with(BYTES))

    pieces = stream_all(stream, [*ids, *ids[:1] * 200, *ids])

    assert (stream.text[:2], stream.text[-2:]) == ("背包", "背包")
    assert "".join(pieces) == stream.text
