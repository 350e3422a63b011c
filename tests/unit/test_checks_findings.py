"""What a text says wrongly of a product: contradictions, unsupported claims, and the floors of their evaluation."""

import json
from typing import Any

import pytest

from storehand.contracts.product import Product
from storehand_plugins.checks import find_contradictions, findings, sources_of, unsupported_claims
from storehand_plugins.checks.evaluation import evaluate, read_cases
from storehand_plugins.checks.evaluation.__main__ import main

PHONE = (
    "Apple iPhone 12 Pro Max, 6.7-inch display, 5G, A14 Bionic, Ceramic Shield, Night mode, Deep Fusion, Smart HDR 3, "
    "Dolby Vision HDR recording"
)
PHONE_ZH = "智能手机，5.5英寸屏幕，128GB存储，5000mAh电池，双摄像头"


def product(given: Any) -> Product:
    return Product.model_validate(given)


def test_the_inventions_of_the_first_answers_are_found_with_their_spans():
    text = (
        "The Apple iPhone 12 Pro Max features a stunning 6.7-inch Super Retina XDR display. The Ceramic Shield front "
        "offers four times better drop performance. It is the ultimate device."
    )
    found = findings(text, product(PHONE))
    wanted = ["Super Retina XDR", "four times better drop performance", "ultimate device"]
    assert [(each.start, each.end, each.text) for each in found] == [
        (text.index(words), text.index(words) + len(words), words) for words in wanted
    ]
    assert [each.kind for each in found] == ["other", "comparison", "comparison"]
    [chinese] = findings("这款手机拥有5.5英寸高清大屏。", product(PHONE_ZH))
    assert (chinese.start, chinese.end, chinese.text) == (11, 15, "高清大屏")


@pytest.mark.parametrize(
    ("given", "text", "attribute", "found"),
    [
        ({"name": "Pipe", "material": "copper"}, "A steel pipe for the kitchen.", "material", "steel"),
        (
            {"name": "Pan", "additionalProperty": {"finish": "uncoated"}},
            "A powder coated pan.",
            "finish",
            "powder coated",
        ),
        (
            {"name": "Wrench", "additionalProperty": {"jaw": "9/16 inch"}},
            "It opens to 1-9/16 inch.",
            "jaw",
            "1-9/16 inch",
        ),
        ({"name": "Rain jacket", "color": "yellow"}, "This red rain jacket is fun.", "color", "red"),
        ({"name": "Headphones", "positiveNotes": ["wireless"]}, "Wired headphones.", "positiveNotes", "Wired"),
        ({"name": "Bag", "additionalProperty": {"waterproof": False}}, "A waterproof bag.", "waterproof", "waterproof"),
        ({"name": "Bag", "positiveNotes": ["waterproof"]}, "It is not waterproof.", "positiveNotes", "waterproof"),
        ({"name": "Mugs", "additionalProperty": {"set": "set of 4"}}, "A set of 6 mugs.", "set", "6"),
        ({"name": "Shirt", "audience": {"suggestedGender": "female"}}, "A men's shirt.", "audience", "men's"),
        ({"name": "水管", "material": "铜"}, "不锈钢水管，耐用。", "material", "不锈钢"),
        ({"name": "T恤", "material": "纯棉"}, "这件T恤是涤纶面料。", "material", "涤纶"),
        (PHONE_ZH, "6.5英寸的屏幕很清楚。", "positiveNotes", "6.5英寸"),
        ({"name": "键盘", "additionalProperty": {"连接": "有线"}}, "无线键盘，桌面整洁。", "连接", "无线"),
        ({"name": "包", "additionalProperty": {"防水": "否"}}, "这款包防水。", "防水", "防水"),
    ],
)
def test_an_attribute_stated_otherwise_is_a_contradiction(given: Any, text: str, attribute: str, found: str):
    [wrong] = find_contradictions(text, product(given))
    assert (wrong.attribute, wrong.found) == (attribute, found)
    assert text[wrong.start : wrong.end] == found
    assert any(each.attribute == attribute and each.is_contradiction for each in findings(text, product(given)))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": "Pipe", "material": "copper"}, "A copper pipe; fits steel fittings."),
        ({"name": "Glass", "color": "clear"}, "A glass for red wine."),
        ({"name": "Table", "material": "oak"}, "A wooden table."),
        ({"name": "Pan", "material": "stainless steel"}, "A steel pan, 不锈钢."),
        ({"name": "Lamp", "additionalProperty": {"power": "9 W", "height": "1.2 m"}}, "9 watts, 120 cm tall."),
        ({"name": "Kettle", "color": "black"}, "A kettle that shines next to white cups."),
        ({"name": "外套", "material": "羊毛"}, "纯羊毛外套，不是涤纶。"),
        ({"name": "茶", "additionalProperty": {"净重": "1kg"}}, "一袋1000克。"),
    ],
)
def test_what_may_both_be_true_is_no_contradiction(given: Any, text: str):
    assert find_contradictions(text, product(given)) == []


@pytest.mark.parametrize(
    ("source", "text", "kinds"),
    [
        ("not waterproof", "a waterproof bag", ["other"]),
        ("不防水", "防水背包", ["other"]),
        ("waterproof", "防水背包", []),
        ("不锈钢", "made of stainless steel", []),
        ("leather", "vegan leather", ["material"]),
        ("steel", "stainless steel", ["material"]),
        ("", "FDA approved and ISO 9001 certified", ["certification", "certification"]),
        ("", "通过3C认证，有机种植", ["certification", "certification"]),
        ("", "销量第一，遥遥领先，续航是普通手机的2倍", ["comparison", "comparison", "comparison"]),
        ("", "better than any other and the best-selling lamp", ["comparison", "comparison"]),
        ("BPA-free", "free of BPA", []),
        ("", "wa\u200bterproof", ["other"]),
        ("", "最近很火的包，最后一步请擦干，第一次使用前清洗", []),
        ("", "rose gold, a glass of water, glasses, silky", []),
    ],
)
def test_a_claim_needs_its_source(source: str, text: str, kinds: list[str]):
    assert [claim.kind for claim in unsupported_claims(text, [source])] == kinds


def test_what_an_offer_says_may_be_said():
    mug = product({"name": "Mug", "material": "stoneware"})
    assert [each.text for each in findings("Mug, now 20% off", mug)] == ["20%"]
    assert findings("Mug, now 20% off", mug, allowed=["20% off"]) == []


def test_a_product_supports_all_that_it_says_itself():
    for case in read_cases()[::4]:
        for source in sources_of(case.product):
            assert [each for each in findings(source, case.product) if each.kind != "unit"] == [], source


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "😀" * 50, "\ud800"])
def test_empty_and_odd_texts_have_no_findings(text: str):
    assert findings(text, product(PHONE)) == []


def test_the_evaluation_set_is_large_and_its_marks_are_whole():
    cases = read_cases()
    assert sum(case.language == "en" for case in cases) >= 30
    assert sum(case.language == "zh" for case in cases) >= 30
    assert all(case.marks and "[[" not in case.right + case.wrong for case in cases)
    assert all(case.wrong[mark.start : mark.end] == mark.text for case in cases for mark in case.marks)


def test_the_checks_keep_their_measured_precision_and_recall():
    cases = read_cases()
    whole, held_out = evaluate(cases), evaluate([case for case in cases if case.is_held_out])
    assert whole.spans.precision >= 0.97, whole.failures
    assert whole.spans.recall >= 0.97, whole.failures
    assert held_out.spans.precision >= 0.95, held_out.failures
    assert held_out.spans.recall >= 0.93, held_out.failures
    for score in whole.languages.values():
        assert score.precision >= 0.95
        assert score.recall >= 0.93


def test_words_nobody_has_listed_lower_the_recall_and_not_the_precision():
    report = evaluate(read_cases("unseen"))
    assert report.texts.precision >= 0.9, report.failures
    assert report.texts.recall == 1.0, report.failures
    assert report.spans.precision >= 0.9, report.failures
    assert report.spans.recall >= 0.55, report.failures


def test_the_command_prints_its_figures_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.argv", ["evaluation", "--json", "--part", "held-out"])
    main()
    printed = json.loads(capsys.readouterr().out)
    assert 0 < printed["held-out"]["spans"]["precision"] <= 1


def test_the_command_lists_what_went_wrong_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.argv", ["evaluation", "--part", "unseen", "--failures"])
    main()
    printed = capsys.readouterr().out
    assert "precision" in printed
    assert "unseen zh-" in printed


PAN = Product.model_validate(
    {
        "name": "Frying Pan",
        "color": "Black",
        "additionalProperty": {"Coating": "uncoated", "flavour": "peanut"},
        "positiveNotes": ["cork grips", "two handles"],
    }
)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It comes with a free lid.", "lid"),
        ("There is a built-in thermometer.", "thermometer"),
        ("Red enamel finish.", "Red"),
        ("With a non-stick coating.", "non-stick coating"),
        ("Chocolate flavour.", "Chocolate"),
        ("Foam grips.", "Foam"),
        ("It has a single handle.", "single"),
        ("Keto-friendly and anti-shock.", "Keto-friendly"),
        ("100% natural.", "100% natural"),
    ],
)
def test_what_no_list_knows_is_found_by_its_form(text: str, wrong: str):
    assert wrong in [each.text for each in findings(text, PAN)]


@pytest.mark.parametrize(
    "text", ["A black pan with cork grips.", "With ease and style, it comes with two handles.", "Great flavour."]
)
def test_the_same_forms_about_what_the_product_has_are_fine(text: str):
    assert findings(text, PAN) == []


@pytest.mark.parametrize(
    ("text", "age"),
    [("For babies from 6 months.", 0.5), ("For babies from 3 months.", 0.25), ("适合18个月以上宝宝。", 1.5)],
)
def test_a_babys_age_may_be_told_in_months(text: str, age: float):
    bib = Product.model_validate({"name": "Bib 围兜", "audience": {"suggestedMinAge": age}})
    assert find_contradictions(text, bib) == []


def test_a_material_to_compare_with_is_not_the_products():
    poles = Product.model_validate({"name": "Poles", "material": "Carbon"})
    assert find_contradictions("Carbon with twice the strength of steel.", poles) == []
    moss = Product.model_validate({"name": "笔记本", "color": "苔绿"})
    assert [each.found for each in find_contradictions("红色封面", moss)] == ["红色"]


def test_an_occasion_in_mind_is_no_part_that_comes_along():
    headphones = Product.model_validate("Drift Wireless Headphones, Bluetooth 5.3")

    assert not findings("The Drift Wireless Headphones are designed with the daily commute in mind.", headphones)
    assert [each.text for each in findings("It comes with a charging cradle.", headphones)] == ["charging cradle"]
