"""From product to plan, from slots to words, and how a model's draft is read."""

import pytest

from storehand.contracts.description import DescriptionInput
from storehand.contracts.product import Product
from storehand_plugins.description.answers import parse
from storehand_plugins.description.brief import brief_of
from storehand_plugins.description.chat import messages
from storehand_plugins.description.drafts import read
from storehand_plugins.description.facts import plan_of
from storehand_plugins.description.filling import TITLE_MAX, fill, fill_title
from storehand_plugins.description.groups import GENERIC, group_of
from storehand_plugins.description.kinds import MAX_FACTS, FactKind
from storehand_plugins.description.plan import Fact, Plan

KETTLE = Plan(
    language="en",
    tone="neutral",
    group="kitchen",
    name="Harbour Kettle",
    brand="Quiet Home",
    facts=(
        Fact(FactKind.FEATURE, "Auto shut-off"),
        Fact(FactKind.MATERIAL, "Stainless steel"),
        Fact(FactKind.AMOUNT, "1.7 L", key="capacity"),
    ),
)
GOOD = (
    "<name> with <v1><body>The <name> by <brand> is made for tea. Highlights include <v1>. It is made of <v2>. "
    "The <k3> is <v3>."
)


def planned(product: object, language: str = "en") -> Plan:
    return plan_of(Product.model_validate(product), "zh" if language == "zh" else "en", "neutral")


def kinds(plan: Plan) -> dict[str, str]:
    return {fact.value: str(fact.kind) for fact in plan.facts}


def test_a_line_becomes_features():
    plan = planned("Apple iPhone 12 Pro Max 128GB, 6.7-inch display, 5G, Night mode")
    assert (plan.name, plan.group) == ("Apple iPhone 12 Pro Max 128GB", "phone")
    assert kinds(plan) == {"6.7-inch display": "feature", "5G": "feature", "Night mode": "feature"}


def test_the_form_of_a_value_decides_its_sentence():
    product = {
        "name": "Mug",
        "color": "Blue",
        "additionalProperty": {"volume": "330 ml", "origin": "Italy", "microwave": False, "lid": True, "pieces": 4},
        "positiveNotes": ["dishwasher safe", "Keeps drinks hot", "USB-C cable"],
    }
    assert kinds(planned(product)) == {
        "lid": "feature",
        "4 pieces": "feature",
        "USB-C cable": "feature",
        "dishwasher safe": "quality",
        "Blue": "color",
        "330 ml": "amount",
        "Italy": "word",
        "no": "note",
        "Keeps drinks hot": "phrase",
    }


def test_chinese_verbs_are_properties_and_nouns_are_features():
    product = {
        "name": "背包",
        "positiveNotes": ["支持快充", "防水", "双摄像头", "不锈钢", "不含酒精"],
        "additionalProperty": {"重量": "2千克"},
    }
    assert kinds(planned(product, "zh")) == {
        "双摄像头": "feature",
        "不锈钢": "feature",
        "不含酒精": "quality",
        "支持快充": "quality",
        "防水": "quality",
        "2千克": "amount",
    }


def test_a_brand_in_the_name_is_not_said_again():
    assert planned({"name": "Apple iPhone", "brand": "apple"}).brand == ""
    assert planned({"name": "Kettle", "additionalProperty": {"brand": "Harbour"}}).brand == "Harbour"


def test_unit_codes_become_units():
    product = {"name": "Box", "additionalProperty": [{"name": "width", "value": 30, "unitCode": "CMT"}]}
    assert [fact.value for fact in planned(product).facts] == ["30 cm"]
    assert [fact.value for fact in planned(product, "zh").facts] == ["30厘米"]


def test_the_same_fact_given_twice_is_said_once():
    plan = planned({"name": "Box", "positiveNotes": ["Lid", "lid"], "additionalProperty": {"lid": True}})
    assert len(plan.facts) == 1


def test_facts_beyond_the_slots_are_the_rest():
    plan = planned({"name": "Box", "positiveNotes": [f"part number {n}" for n in range(40)] + ["Made in Italy"]})
    assert len(plan.head().facts) == MAX_FACTS
    assert len(plan.rest().facts) == 41 - MAX_FACTS


def test_no_word_of_the_product_is_in_the_prompt():
    prompt = KETTLE.prompt()
    assert prompt == (
        "<en><neutral><g:kitchen><one><name><brand><feature><v1><material><v2><amount><key><k3><v3><title>"
    )


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("phone case", "accessory"),
        ("智能手机", "phone"),
        ("手机壳", "accessory"),
        ("Boots", "shoes"),
        ("Xyzzy", GENERIC),
    ],
)
def test_the_last_telling_word_names_the_group(name: str, group: str):
    assert group_of(name) == group


def test_a_sound_draft_passes():
    reading = read(GOOD, KETTLE)
    assert reading.is_sound
    assert len(reading.draft.sentences) == 4


def test_a_missing_fact_can_be_mended():
    reading = read(GOOD.replace(" It is made of <v2>.", ""), KETTLE)
    assert reading.missing == (2,)
    assert reading.is_mendable


@pytest.mark.parametrize(
    "draft",
    [
        GOOD.replace("<v2>", "<v2> and <v1>"),  # twice
        GOOD.replace("<v2>", "<v4>"),  # unknown slot
        GOOD.replace("<k3> is <v3>", "<v3>"),  # without its key
        GOOD.replace("<k3> is <v3>", "<k3>"),  # without its value
        GOOD.replace("tea", "24 teas"),  # a digit
        GOOD.replace("tea", "茶"),  # another language
        GOOD.replace("<name> with", "Kettle with"),  # title without name
        GOOD.replace("<v1><body>", "<v3><body>"),  # a value without its key in the title
        GOOD.replace("The <name> by <brand>", "The <name>"),  # no brand
        GOOD.replace("<body>", " "),  # no body
        GOOD.replace("tea. Highlights include", "tea and"),  # the opening runs into the facts
        GOOD[:-1],  # cut off
        "",
    ],
)
def test_a_draft_with_a_fault_is_not_used(draft: str):
    assert not read(draft, KETTLE).is_mendable


def test_words_fit_their_place_in_a_sentence():
    assert fill("It is made of <v2>. <k3>: <v3>.", KETTLE) == "It is made of stainless steel. Capacity: 1.7 L."
    the = Plan("en", "neutral", GENERIC, name="The Kettle")
    assert fill("Meet the <name>.", the) == "Meet the Kettle."


def test_a_slot_in_a_value_is_left_as_it_is():
    plan = Plan("en", "neutral", GENERIC, name="<v1>", facts=(Fact(FactKind.FEATURE, "<name>"),))
    assert fill("<name> has <v1>.", plan) == "<v1> has <name>."


def test_latin_words_side_by_side_get_a_space_in_chinese():
    plan = Plan("zh", "neutral", GENERIC, name="iPhone", brand="Apple")
    assert fill("这款<brand><name>适合你。", plan) == "这款Apple iPhone适合你。"


def test_a_title_is_never_longer_than_150_characters():
    long = Plan("en", "neutral", GENERIC, name="word " * 40, facts=(Fact(FactKind.FEATURE, "x" * 100),))
    assert len(fill_title("<name> with <v1>", long)) <= TITLE_MAX
    assert len(fill_title("<name>", Plan("zh", "neutral", GENERIC, name="名" * 200))) == TITLE_MAX


@pytest.mark.parametrize(
    "text",
    [
        "Title: Kettle\nDescription: A kettle for tea.",
        "**Title:** Kettle\n\n**Description:** A kettle for tea.",
        "<think>hm</think>\nTitle: Kettle\nDescription:\n- A kettle for tea.",
        "# Kettle\n\nA kettle for tea.",
        "标题：Kettle\n描述：A kettle for tea.",
        "Title: Kettle\nA kettle for tea.",
    ],
)
def test_a_chat_answer_is_read_whatever_is_around_it(text: str):
    answer = parse(text, KETTLE)
    assert answer is not None
    assert (answer.title, answer.body) == ("Kettle", "A kettle for tea.")


def test_a_cut_chat_answer_loses_its_half_sentence():
    answer = parse("Title: Kettle\nDescription: A kettle for tea. It is ma", KETTLE, is_cut=True)
    assert answer is not None
    assert answer.body == "A kettle for tea."


@pytest.mark.parametrize("text", ["", "Title: Kettle", "Title: Kettle\nDescription: 这是一款电水壶，适合泡茶。"])
def test_a_useless_chat_answer_is_none(text: str):
    assert parse(text, KETTLE) is None


def asked(given: object, **wishes: object) -> str:
    return messages(brief_of(DescriptionInput.model_validate({"product": given, **wishes})))[1].content


def test_a_chat_model_is_told_every_fact_in_its_language():
    kettle = {"name": "Harbour Kettle", "brand": "Quiet Home", "additionalProperty": {"capacity": "1.7 L"}}
    english = asked(kettle, locale="en-GB")
    assert all(words in english for words in ("Harbour Kettle", "Quiet Home", "capacity: 1.7 L", "en-GB", "Title:"))
    chinese = asked("智能手机，5.5英寸屏幕", locale="zh-CN")
    assert all(words in chinese for words in ("智能手机", "5.5英寸屏幕", "zh-CN", "标题："))
