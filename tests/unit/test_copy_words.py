"""Money, dates, offers, limits, tokens and rules: the words that copy is made of."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from storehand.contracts.copy import CHANNEL_COMPONENTS, CampaignOffer
from storehand_plugins.copy import phrases_en, phrases_zh, voices_en, voices_zh
from storehand_plugins.copy.channels import LIMITS, Limit, fits, limit_of
from storehand_plugins.copy.fitting import NEEDED, Piece, compose
from storehand_plugins.copy.moments import moment
from storehand_plugins.copy.money import money, zhe
from storehand_plugins.copy.offer import OfferWords, offer_words
from storehand_plugins.copy.rules import breaches, is_sayable
from storehand_plugins.copy.tokens import find_tokens, tokens_of


def words(locale: str, **given: Any) -> OfferWords:
    return offer_words(CampaignOffer.model_validate(given), locale)


@pytest.mark.parametrize(
    ("percent", "said"),
    [
        ("20", "8折"),
        ("15", "85折"),
        ("5", "95折"),
        ("50", "5折"),
        ("12.5", "8.75折"),
        ("95", "0.5折"),
        ("20.00", "8折"),
    ],
)
def test_a_discount_is_said_the_chinese_way(percent: str, said: str):
    assert zhe(percent) == said


@pytest.mark.parametrize(
    ("amount", "currency", "english", "chinese"),
    [
        ("199", "CNY", "¥199", "¥199"),
        ("19.9", "USD", "$19.90", "$19.9"),
        ("1299.00", "EUR", "€1,299", "€1299"),
        ("5", "CHF", "CHF 5", "CHF 5"),
    ],
)
def test_an_amount_is_written_as_its_readers_write_it(amount: str, currency: str, english: str, chinese: str):
    assert money(amount, currency, is_chinese=False) == english
    assert money(amount, currency, is_chinese=True) == chinese


@pytest.mark.parametrize(
    ("when", "locale", "full"),
    [
        ("2026-12-12T23:59:00+08:00", "zh-CN", "2026年12月12日23:59"),
        ("2026-12-12T23:59:00+08:00", "en", "12 Dec 2026"),
        ("2026-12-12T23:59:00-05:00", "en-US", "Dec 12, 2026"),
        ("2026-12-12T18:05:00+00:00", "en-GB", "12 Dec 2026, 18:05"),
        ("2026-12-12T00:30:00-05:00", "en-US", "Dec 12, 2026, 12:30 AM"),
    ],
)
def test_the_end_of_an_offer_is_in_its_own_zone(when: str, locale: str, full: str):
    assert moment(datetime.fromisoformat(when), locale, is_end=True).full == full


def test_every_sentence_of_an_offer_states_all_of_it():
    given = {
        "type": "amount_off",
        "value": "50",
        "currency": "CNY",
        "minSpend": "199",
        "code": "TEA50",
        "startsAt": "2026-12-01T00:00:00+08:00",
        "endsAt": "2026-12-12T18:00:00+08:00",
    }
    for locale in ("zh-CN", "en", "en-US"):
        offer = words(locale, **given)
        assert len(set(offer.sentences)) == 5
        for sentence in (*offer.sentences, offer.shorts[0]):
            for name, wordings in offer.wordings.items():
                if name != "starts_at" or sentence != offer.shorts[0]:
                    assert any(each in sentence for each in wordings), (name, sentence)


def test_an_offer_without_dates_or_code_leaves_no_gap():
    for locale in ("zh-CN", "en"):
        for given in (
            {"type": "free_shipping"},
            {"type": "gift", "gift": "linen towel"},
            {"type": "bundle"},
            {"type": "price", "value": "9.90", "currency": "USD"},
        ):
            offer = words(locale, **given)
            for sentence in (*offer.sentences, *offer.shorts):
                assert not re.search(r"None|\(\)|（）|，，|,,|  |, \.|，。|：。|\.\.", sentence), sentence


def test_two_years_are_told_apart():
    dates = {"startsAt": "2026-12-30T00:00:00+08:00", "endsAt": "2027-01-02T23:59:00+08:00"}
    assert "2026年12月30日至2027年1月2日23:59" in words("zh", type="free_shipping", **dates).sentences[0]
    assert "from 30 Dec 2026 to 2 Jan 2027" in words("en", type="free_shipping", **dates).sentences[0]


def test_limits_count_as_their_channel_counts():
    sms = LIMITS["sms"]["body"]
    assert fits("a" * 160, sms)
    assert not fits("a" * 161, sms)
    assert not fits("a" * 159 + "€", sms)  # the euro takes two places
    assert fits("中" * 70, sms)
    assert not fits("a" * 70 + "中", sms)
    ad = LIMITS["ad_search"]["headline"]
    assert fits("中" * 15, ad)
    assert not fits("中" * 15 + "a", ad)
    assert limit_of("sms", "body", {"body": 300}) == Limit(300, "maxChars of the input")


def test_every_default_component_has_a_limit_with_its_source():
    for channel, components in CHANNEL_COMPONENTS.items():
        for component in components:
            assert LIMITS[channel][component].source


def test_needed_pieces_grow_only_as_far_as_all_of_them_fit():
    pieces = [Piece(("a long opening",), 1), Piece(("offer in full", "offer"), NEEDED), Piece(("code ABC",), NEEDED)]

    def composed(room: int) -> str:
        return compose(pieces, lambda text: len(text) <= room)

    assert composed(100) == "a long opening offer in full code ABC"
    assert composed(25) == "offer in full code ABC"
    assert composed(15) == "offer code ABC"
    assert composed(5) == "offer"
    assert composed(3) == ""


def test_tokens_are_sorted_by_what_they_stand_for():
    found = tokens_of(("{{first_name}}", "%NAME%", "*|UNSUB|*", "{$link}", "{{points}}", "%NAME%"))
    assert (found.names, found.unsubscribes, found.links) == (
        ("{{first_name}}", "%NAME%"),
        ("*|UNSUB|*",),
        ("{$link}",),
    )
    assert found.others == ("{{points}}",)


def test_a_token_counts_once_even_inside_a_longer_one():
    found = tokens_of(("{$name}", "{{$name}}"))
    assert found.are_whole("{$name} and {{$name}}")
    assert not found.are_whole("{{$name}}")
    assert [match.group() for match in find_tokens("Hi {{ x }} {$a} *|B|* %CODE% 100% or 20% <%= y %>")] == [
        "{{ x }}",
        "{$a}",
        "*|B|*",
        "%CODE%",
        "<%= y %>",
    ]


@pytest.mark.parametrize(
    ("gift", "said"),
    [
        ("AirPods case", "an AirPods case as a gift"),
        ("Stanley mug", "a Stanley mug as a gift"),
        ("USB cable", "a USB cable as a gift"),
        ("LED lamp", "an LED lamp as a gift"),
        ("unicorn toy", "a unicorn toy as a gift"),
        ("umbrella", "an umbrella as a gift"),
        ("iPhone case", "an iPhone case as a gift"),
        ("linen towels", "a gift of linen towels"),
        ("iPad stickers", "a gift of iPad stickers"),
        ("green tea", "a gift of green tea"),
        ("2 mugs", "a gift of 2 mugs"),
        ("帆布袋", "a gift of 帆布袋"),
    ],
)
def test_a_gift_keeps_the_spelling_of_the_shop_wherever_it_stands(gift: str, said: str):
    offer = words("en", type="gift", gift=gift)
    assert offer.deal == said
    assert all(gift in text for text in (offer.label, *offer.sentences, *offer.shorts))
    assert offer.wordings["gift"] == (gift,)


@pytest.mark.parametrize(
    "text",
    [
        "cure for insomnia",
        "weight loss",
        "relieves back pain",
        "clinically proven",
        "治失眠",
        "治疗鼻炎",
        "降血压",
        "缓解疼痛",
        "全网最低价",
        "国家级品质",
        "第一品牌",
        "销量第一",
        "最佳选择",
        "the best kettle",
        "#1 in tea",
        "今天最后一天",
        "hurry up",
        "亲测好用",
    ],
)
def test_words_that_must_not_be_written_are_found(text: str):
    assert list(breaches(text))
    assert not is_sayable(text)


@pytest.mark.parametrize(
    "text",
    [
        "最佳食用时间",
        "最近上新",
        "第一次使用前请清洗",
        "best before 2027",
        "at most 5 kg",
        "最大程度",
        "最终解释",
        "last chair",
        "第一步",
        "治愈系台灯",
        "cured ham",
        "dog treats for small breeds",
        "eases into the wall",
        "low-fat milk",
        "政治经济学",
    ],
)
def test_ordinary_uses_of_such_words_stay(text: str):
    assert not list(breaches(text))


def frames() -> list[str]:
    found: list[str] = []
    for module in (phrases_en, phrases_zh, voices_en, voices_zh):
        for name, value in vars(module).items():
            if name.isupper():
                values = value.values() if isinstance(value, dict) else [value]
                found += [text for each in values for text in ([each] if isinstance(each, str) else each)]
    return found


def test_no_frame_has_a_digit_or_a_word_the_law_forbids():
    texts = frames()
    assert len(texts) > 600
    assert [text for text in texts if re.search(r"\d", text) or list(breaches(text))] == []


def test_english_frames_keep_to_the_characters_of_a_plain_sms():
    lines = [text for each in (*phrases_en.LINES.values(), voices_en.STOP_SMS) for text in each]
    assert all(text.isascii() for text in lines)


def test_both_languages_have_the_same_angles():
    for name in ("HEADLINES", "LINES", "OPENERS", "NOTES", "SPOKEN"):
        assert getattr(phrases_en, name).keys() == getattr(phrases_zh, name).keys()
