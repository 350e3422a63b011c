"""Numbers in text: what counts as one, and which the input does not support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storehand_plugins.checks import find_numbers, unsupported_claims, unsupported_numbers

PHONE = "Apple iPhone 12 Pro Max 128GB, 6.7-inch display, 5G, A14 Bionic chip, Ceramic Shield, Smart HDR 3"


def flagged(text: str, *sources: str) -> list[str]:
    return [text[number.start : number.end] for number, _ in unsupported_numbers(text, sources)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("6.7-inch", "6.7", "in"),
        ("６.７英寸", "6.7", "in"),
        ("1,299.00 yuan", "1299", "cny"),
        ("9/16", "9/16", ""),
        ("1-9/16", "1-9/16", ""),
        ("½", "1/2", ""),
        ("100%", "100", "%"),
        ("128 GB", "128", "gb"),
        ("5000mAh", "5000", "mah"),
        ("五千毫安", "5000", "mah"),
        ("三点五公斤", "3.5", "kg"),
        ("二〇二四年", "2024", "year"),
        ("一年", "1", "year"),
        ("两种", "2", "种"),
        ("双", "2", ""),
        ("dual", "2", ""),
    ],
)
def test_a_number_is_read_with_its_unit(text: str, value: str, unit: str):
    behind = "摄像头" if text == "双" else ""
    found = find_numbers(f"有 {text}{behind}")
    assert [(number.value, number.unit) for number in found] == [(value, unit)]


@pytest.mark.parametrize(
    "text", ["三餐四季", "十分好用", "一款好物", "万一", "双肩包", "每一天", "the one and only", "someone"]
)
def test_everyday_words_with_numerals_are_no_numbers(text: str):
    assert find_numbers(text) == []


@pytest.mark.parametrize("text", ["A14", "IP68", "XJR-7132", "USB3"])
def test_a_model_code_is_one_piece(text: str):
    [number] = find_numbers(f"with {text} inside")
    assert number.is_code
    assert number.value == text.lower().replace("-", "")


def test_a_text_that_keeps_to_the_input_is_clean():
    assert flagged("A 6.7 inch display with 5G, the A14 chip, HDR 3 and 128 GB of storage", PHONE) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a 6.1-inch display", "6.1-inch"),
        ("the A15 chip", "A15"),
        ("four times better drop performance", "four"),
        ("256GB", "256GB"),
        ("100% satisfaction", "100%"),
    ],
)
def test_a_number_the_input_has_not_is_flagged_with_its_span(text: str, wrong: str):
    assert flagged(text, PHONE) == [wrong]


def test_a_right_number_with_a_wrong_unit_is_flagged_as_a_unit():
    [(number, kind)] = unsupported_numbers("128 MB of storage", [PHONE])
    assert (number.value, kind) == ("128", "unit")


def test_a_chinese_comma_parts_numbers():
    assert [number.value for number in find_numbers("内存5，128GB存储")] == ["5", "128"]


def test_a_fraction_that_gained_a_whole_is_flagged():
    assert flagged("fits 1-9/16 inch pipes", "9/16 inch pipe wrench") == ["1-9/16 inch"]


def test_a_numeral_is_supported_by_its_digits_and_the_other_way_round():
    assert flagged("五千毫安的电池，双摄像头", "5000mAh电池，2摄") == []
    assert flagged("5000毫安", "五千毫安电池") == []
    assert flagged("三摄像头，六十瓦", "双摄像头") == ["三", "六十瓦"]
    assert flagged("三餐，三思", "双摄像头") == []  # 三 alone is no count


def test_invented_claims_of_the_known_bad_answers_are_flagged():
    english = (
        "The Apple iPhone 12 Pro Max features a stunning 6.7-inch Super Retina XDR display. The Ceramic Shield front "
        "offers four times better drop performance. It is the ultimate device."
    )
    assert [claim.text for claim in unsupported_claims(english, [PHONE])] == [
        "Super Retina XDR",
        "four times better drop performance",
        "ultimate device",
    ]
    chinese = "这款智能手机拥有5.5英寸高清大屏。"
    assert [claim.text for claim in unsupported_claims(chinese, ["智能手机，5.5英寸屏幕"])] == ["高清大屏"]


@pytest.mark.parametrize(("given", "said"), [("copper pipe", "steel pipe"), ("uncoated pan", "powder coated pan")])
def test_a_changed_material_is_flagged(given: str, said: str):
    assert [claim.text for claim in unsupported_claims(f"a {said}", [given])] == [
        said.removesuffix(said.split()[-1]).strip()
    ]


def test_a_claim_the_input_makes_is_fine():
    assert (
        unsupported_claims(
            "Stainless-steel and waterproof, with Night Mode", ["stainless steel", "Waterproof, night mode"]
        )
        == []
    )


TEXTS = st.text(alphabet="A5ｓ６.三十万年cm 英寸-,/½%²双摄×Ⅻ", max_size=40)


@given(TEXTS)
def test_spans_lie_in_the_text_and_do_not_overlap(text: str):
    end = 0
    for number in find_numbers(text):
        assert end <= number.start < number.end <= len(text)
        end = number.end


@given(TEXTS)
def test_a_text_supports_itself(text: str):
    assert unsupported_numbers(text, [text]) == []
