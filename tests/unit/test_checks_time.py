"""However hostile a text is, the checks read it in time that grows with its length, not with its square."""

import gc
import time
from collections.abc import Callable

import pytest

from storehand.contracts.product import Product
from storehand_plugins.checks import (
    Wanted,
    find_facts,
    find_injection,
    find_numbers,
    find_words,
    findings,
    fold,
    is_mojibake,
    mask_personal,
    split_sentences,
    visible,
)

KETTLE = Product.model_validate(
    {
        "name": "Steel Kettle 1.7 L",
        "color": "black",
        "additionalProperty": {"capacity": "1.7 L", "coating": "uncoated"},
        "positiveNotes": ["cork grips", "two handles"],
    }
)
CHECKS: dict[str, Callable[[str], object]] = {
    "injection": find_injection,
    "personal": mask_personal,
    "findings": lambda text: findings(text, KETTLE),  # claims, numbers and contradictions
    "the rest": lambda text: (
        find_numbers(text),
        find_words(text, ["kettle", "水"]),
        find_facts(text, [Wanted("capacity", ("1.7 L",)), Wanted("one", ("1",))]),
        visible(text),
        is_mojibake(text),
        split_sentences(text),
    ),
}
SHAPES = {
    "line ends": "\n",
    "spaces and line ends": " \r\n\t",
    "digits": "7",
    "digits and commas": "123,",
    "commas": ",",
    "letters": "a",
    "capitals": "Ab ",
    "Han": "的",
    "numerals": "十万亿",
    "nots": "not ",
    "tags": "<a ",
    "dots": "1.",
    "quotes": '"',
    "letters apart": "i g ",
    "hidden letters": "\U000e0041",
    "mixed": 'Aa 1,2.\n"<的最 not ',
}


def seconds(check: Callable[[str], object], text: str) -> float:
    """Without the collector: what other tests have left on the heap costs it a quarter of a second a round."""
    fold.cache_clear()
    gc.disable()
    try:
        start = time.thread_time()
        check(text)
        return time.thread_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CHECKS)
def test_a_hostile_text_costs_in_proportion_to_its_length(name: str, shape: str):
    check, piece = CHECKS[name], SHAPES[shape]
    check("x")  # compiles the patterns
    half, whole = ("g" + (piece * (chars // len(piece))) + "b" for chars in (4_000, 8_000))

    first = seconds(check, half)
    second = min(seconds(check, whole) for _ in range(2))  # a busy core may stretch one

    assert second < 2.6 * first + 0.06  # a square would be 4 times


@pytest.mark.parametrize("name", ["injection", "findings"])
@pytest.mark.parametrize("shape", ["line ends", "digits", "mixed"])
def test_fifty_thousand_hostile_characters_are_read_at_once(name: str, shape: str):
    check, piece = CHECKS[name], SHAPES[shape]
    check("x")

    assert seconds(check, "g" + piece * (50_000 // len(piece)) + "b") < 6  # 0.4 s on a free core


def test_a_row_of_numerals_that_is_no_number_is_none():
    assert find_numbers("万亿" * 5000) == []
