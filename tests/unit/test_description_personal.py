"""A text is fitted to a shopper who consented, by the product's own facts alone."""

import pytest

from storehand_plugins.checks import split_sentences
from storehand_plugins.description.personal import is_protected
from tests.unit.describing import ALL_FIELDS, BAG, KETTLE, Asked, described, rules


def first_sentence(text: str) -> str:
    start, end = split_sentences(text)[0]
    return text[start:end]


@pytest.mark.parametrize(
    ("product", "preferences", "said", "used"),
    [
        (KETTLE, ["black"], "atte black", ("black",)),
        (KETTLE, ["safety first", "gold"], "uto shut-off", ("safety first",)),
        (BAG, ["waterproof"], "防水", ("waterproof",)),
        (BAG, ["轻便", "红色"], "重量0.9千克", ("轻便",)),
    ],
)
def test_what_a_shopper_likes_stands_in_the_first_sentence(
    product: dict[str, object], preferences: list[str], said: str, used: tuple[str, ...]
):
    output = described(product, user={"consent": True, "preferences": preferences})
    assert said in first_sentence(output.best.description)
    assert output.best.personalised_on == used
    assert output.best.attribute_coverage == 1.0
    assert output.best.description.count(said) == 1


def test_recent_items_count_too():
    user = {"consent": True, "recent_items": [{"name": "BPA-free lunch box"}, {"name": "Garden hose"}]}
    output = described(KETTLE, user=user)
    assert "BPA-free" in first_sentence(output.best.description)
    assert output.best.personalised_on == ("BPA-free lunch box",)


@pytest.mark.parametrize("product", [KETTLE, BAG])
def test_without_consent_the_answer_is_the_same_as_without_a_user(product: object):
    user = {"preferences": ["waterproof", "black", "防水"], "recent_items": [{"name": "BPA-free lunch box"}]}
    alone = described(product, fields=ALL_FIELDS).model_dump_json()
    assert described(product, fields=ALL_FIELDS, user=user).model_dump_json() == alone


def test_nothing_is_said_about_the_shopper_and_no_model_is_told():
    user = {"consent": True, "preferences": ["black things", "my dentist visits"]}
    model = Asked("chat", lambda prompt: "Title: Kettle\nDescription: no")
    output = described(KETTLE, by=model, user=user)
    assert "dentist" not in str(model.questions)
    assert "things" not in str(model.questions)
    assert "Begin the first sentence with: color: Matte black" in str(model.questions)
    assert not {"you", "your", "because"} & set(first_sentence(output.best.description).lower().split())


def test_who_somebody_is_moves_nothing():
    coat = {"name": "Coat", "positiveNotes": ["Wool"], "audience": {"suggestedGender": "female"}}
    output = described(coat, user={"consent": True, "preferences": ["women", "halal"]})
    assert output.best.personalised_on == ()
    assert rules(output).count("preference.protected") == 2
    assert output.best.description == described(coat).best.description


@pytest.mark.parametrize("text", ["women", "信仰", "穆斯林", "over 60 years old", "low income", "孕妇"])
def test_protected_attributes_are_known(text: str):
    assert is_protected(text)


@pytest.mark.parametrize("text", ["black", "waterproof", "menthol", "防水", "coverage", "richly coloured"])
def test_tastes_are_not_protected(text: str):
    assert not is_protected(text)


def test_a_price_never_depends_on_the_shopper_nor_is_it_written():
    kettle = {**KETTLE, "offers": {"price": "49.90", "priceCurrency": "EUR"}}
    for user in (None, {"consent": True, "preferences": ["cheap", "black"]}):
        output = described(kettle, user=user, fields=ALL_FIELDS)
        assert "49" not in output.model_dump_json()


def test_a_chat_model_that_does_not_lead_with_it_gets_another_opening():
    reply = "Title: Harbour Electric Kettle\nDescription: The Harbour Electric Kettle boils. It is BPA-free."
    output = described(KETTLE, by=Asked("chat", lambda prompt: reply), user={"consent": True, "preferences": ["black"]})
    assert "atte black" in first_sentence(output.best.description)
    assert output.best.attribute_coverage == 1.0
