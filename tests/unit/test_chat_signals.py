"""What the customer's words mean: the authored messages of the evaluation, and the forms that look alike."""

from __future__ import annotations

import pytest

from storehand.fakes import FakeModels
from storehand_plugins.chat.languages import Language, language_of
from storehand_plugins.chat.signals import find_order_number, find_order_numbers, read_signals
from tests.evaluation import chat as evaluation

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_authored_messages_reach_a_person_where_they_must_and_only_there(language: Language):
    models = FakeModels({"text": "generate", "sentiment": "classify"})
    found = evaluation.triggers(language, "all", models)
    assert found["rows"] >= 100
    assert found["by_reason"]["all"]["recall"] >= 0.9, found["wrong"]
    assert found["by_reason"]["all"]["precision"] >= 0.95, found["wrong"]
    assert found["money_promises"] == []


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("How do I get a refund?", "Refund me, please."),
        ("Can I cancel an order?", "Can you cancel my order?"),
        ("If my parcel is lost, do I get my money back?", "My parcel is lost, give me my money back"),
        ("How can I change my password?", "Change my password please"),
    ],
)
def test_asking_how_it_works_differs_from_asking_for_it(asked: str, wanted: str):
    assert read_signals(asked, "en").reasons == ()
    assert read_signals(wanted, "en").reasons != ()


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("怎么申请退款", "我要申请退款"),
        ("可以取消订单吗", "帮我取消订单"),
        ("地址怎么修改", "帮我修改一下地址"),
        ("如果丢了会赔吗", "丢了，赔我钱"),
    ],
)
def test_asking_how_it_works_differs_from_asking_for_it_in_chinese(asked: str, wanted: str):
    assert read_signals(asked, "zh").reasons == ()
    assert read_signals(wanted, "zh").reasons != ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reviewed_messages_reach_a_person_for_their_reason(language: Language):
    for reason, text in evaluation.labelled("reviewed", language):
        assert reason in read_signals(text, language).reasons, text


@pytest.mark.parametrize("order", ["帮我把{}退款", "{}我要退款", "退款，{}的", "把{}的钱退给我"])
@pytest.mark.parametrize("number", ["订单8812", "订单号 A-2231", "上周买的那单", "昨天的单子"])
def test_what_stands_between_deed_and_thing_does_not_matter(order: str, number: str):
    assert read_signals(order.format(number), "zh").reasons == ("refund_or_money",)


@pytest.mark.parametrize("deed", ["cancel", "please stop", "can you cancel", "I want you to halt"])
@pytest.mark.parametrize("thing", ["order 8812", "the whole purchase", "that blue lamp order from Monday"])
def test_any_deed_on_any_order_fetches_a_person(deed: str, thing: str):
    assert read_signals(f"{deed} {thing}", "en").reasons == ("refund_or_money",)


def test_a_hotline_number_within_a_longer_one_is_no_threat():
    assert read_signals("我的订单12345678到哪了", "zh").reasons == ()
    assert read_signals("我要投诉你们到12315", "zh").reasons == ("legal_or_safety",)


def test_who_only_urges_means_what_he_said_before():
    assert read_signals("快点", "zh").reasons == ()
    assert read_signals("快点", "zh", before="我要退款").reasons == ("refund_or_money",)
    assert read_signals("hurry up please", "en", before="I want a refund").intent == "refund"
    assert read_signals("where do you ship?", "en", before="I want a refund").reasons == ()


def test_asking_for_the_hours_of_people_is_not_asking_for_one():
    assert read_signals("周日有人工吗", "zh").reasons == ()
    assert read_signals("how can I reach a human agent by phone", "en").reasons == ()


def test_a_known_orders_cancellation_may_need_a_person():
    found = read_signals("can I still cancel it?", "en")
    assert (found.reasons, found.possible) == ((), ("refund_or_money",))


def test_a_bank_account_is_no_order_number():
    text = "card 4111 1111 1111 1111, IBAN DE89370400440532013000, I want a refund for order 7788"
    assert find_order_numbers(text) == ("7788",)
    assert find_order_numbers("IBAN DE89370400440532013000") == ()
    assert find_order_numbers("two orders A-1001 and A-1002") == ("A-1001", "A-1002")
    assert find_order_numbers("order A-1001, the model XB12") == ("A-1001",)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("where is my order 10234?", "10234"),
        ("order number: AB-20456", "AB-20456"),
        ("我的订单号是20251122001", "20251122001"),
        ("ORD202600003", "ORD202600003"),
        ("#5550", "5550"),
        ("call me at 13800138000", None),
        ("I bought two mugs", None),
        ("in order to pay", None),
    ],
)
def test_order_numbers_are_found(text: str, number: str | None):
    assert find_order_number(text) == number


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("我的iPhone壳能退吗", "zh"),
        ("¿Dónde está mi pedido? Quiero saber", "other"),
        ("Wo ist meine Bestellung", "other"),
        ("どこですか", "other"),
        ("12345 🙂", None),
    ],
)
def test_languages_are_told_apart(text: str, language: str | None):
    assert language_of(text) == language
