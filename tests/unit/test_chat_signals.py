"""What the customer's words mean: the authored messages of the evaluation, and the forms that look alike."""

from __future__ import annotations

import pytest

from storehand.fakes import FakeModels
from storehand_plugins.chat.languages import Language, language_of
from storehand_plugins.chat.signals import find_order_number, read_signals
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
