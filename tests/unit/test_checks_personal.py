"""Personal data in two languages: found however spelt, told from other numbers, masked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storehand_plugins.checks import find_personal, mask_personal


@pytest.mark.parametrize(
    ("text", "what", "kind"),
    [
        ("打我电话13812345678谢谢", "13812345678", "phone"),
        ("手机１３８ １２３４ ５６７８", "１３８ １２３４ ５６７８", "phone"),
        ("+86 138-1234-5678", "+86 138-1234-5678", "phone"),
        ("138\u200b1234\u200b5678", "138\u200b1234\u200b5678", "phone"),
        ("座机010-88888888转801", "010-88888888转801", "phone"),
        ("call 415-555-2671 now", "415-555-2671", "phone"),
        ("(415) 555-2671", "(415) 555-2671", "phone"),
        ("+44 20 7946 0958", "+44 20 7946 0958", "phone"),
        ("身份证11010519491231002X号", "11010519491231002X", "id_card"),
        ("卡号4111 1111 1111 1111", "4111 1111 1111 1111", "bank_card"),
        ("邮箱：Zhang.San@Example.com，", "Zhang.San@Example.com", "email"),
        ("加微信abc_12345聊", "abc_12345", "account"),
        ("QQ：123456789", "123456789", "account"),
        ("from 192.168.10.25", "192.168.10.25", "ip"),
        ("护照号E12345678", "E12345678", "passport"),
        ("地址：北京市朝阳区建国路88号2号楼301室，谢谢", "北京市朝阳区建国路88号2号楼301室", "address"),
        ("我住在幸福小区3栋502室", "幸福小区3栋502室", "address"),
        ("Ship to 12 Main Street, Apt 4 please", "12 Main Street, Apt 4", "address"),
    ],
)
def test_personal_data_is_found_with_its_span(text: str, what: str, kind: str):
    [found] = find_personal(text)
    assert (found.text, found.kind) == (what, kind)
    assert text[found.start : found.end] == what


@pytest.mark.parametrize(
    "text",
    [
        "订单号 4111111111111111",
        "order 13812345678",
        "运单号：13812345678",
        "6901234567892",
        "110105194912310021",
        "4111 1111 1111 1112",
        "价格1299.00元，5000mAh",
        "version 10.0.0.125",
        "5.4.3.2.1 go",
        "2024-01-15 12:30:45",
        "a 4 ton four wheel drive",
        "微信支付很方便",
        "三楼的广场很大",
        "1920x1080, 3840 x 2160",
        "",
    ],
)
def test_other_numbers_are_nobodys(text: str):
    assert find_personal(text) == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("电话13812345678。", "电话138****5678。"),
        ("１３８１２３４５６７８", "１３８****５６７８"),
        ("zhang@example.com", "z****@example.com"),
        ("11010519491231002X", "110***********002X"),
        ("4111 1111 1111 1111", "4111 **** **** 1111"),
        ("寄到北京市朝阳区建国路88号", "寄到北京市*********"),
        ("QQ:123456789", "QQ:1********"),
        ("nothing here", "nothing here"),
    ],
)
def test_what_is_masked_keeps_its_length_and_its_ends(text: str, masked: str):
    assert mask_personal(text) == masked
    assert len(masked) == len(text)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789 -+.@a路号北京市13x：\u200b", max_size=60))
def test_a_masked_text_is_as_long_and_spans_are_in_order(text: str):
    end = 0
    for found in find_personal(text):
        assert end <= found.start < found.end <= len(text)
        end = found.end
    assert len(mask_personal(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN DE89 **** **** **** **30 00."),
        ("GB82WEST12345698765432", "GB82**************5432"),
        ("card 4111 1111 1111 1112", "card 4111 **** **** 1112"),
        ("卡号6222021234567890123", "卡号6222***********0123"),
        ("item GB82WEST12345698765431", "item GB82WEST12345698765431"),
    ],
)
def test_accounts_are_known_by_their_check_digits_and_cards_by_their_name(text: str, masked: str):
    assert mask_personal(text) == masked
