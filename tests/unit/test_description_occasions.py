"""Occasions: no text tells of those of another kind of product."""

from pathlib import Path

import pytest

from storehand.contracts.description import DescriptionInput
from storehand.contracts.product import Product
from storehand_plugins.description import phrases_en, phrases_zh
from storehand_plugins.description.brief import brief_of
from storehand_plugins.description.drafts import read
from storehand_plugins.description.groups import GENERIC, group_of
from storehand_plugins.description.kinds import BODY, LANGUAGES, TONES, Language, Tone
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.realiser import Realiser
from storehand_plugins.description.written import realised
from tests.unit.describing import Asked, described

SCENES = {"en": phrases_en.SCENES, "zh": phrases_zh.SCENES}
CATALOGUE = Path(phrases_en.__file__).parents[1] / "starter" / "catalogue.jsonl"
ODD = ('{"name": "Rain Jacket", "inLanguage": "en"}', '{"name": "冲浪板"}', '{"name": "儿童积木"}', '{"name": "雨衣"}')
PRODUCTS = [Product.model_validate_json(line) for line in (*CATALOGUE.read_text("utf-8").splitlines(), *ODD)]


def foreign(text: str, plan: Plan) -> list[str]:
    """Occasions of other kinds in a text, longest first; what is also an occasion of this kind is at home."""
    scenes = SCENES[plan.language]
    own = {*scenes[plan.group], *scenes[GENERIC]}
    for scene in sorted(own, key=len, reverse=True):
        text = text.replace(scene, " ")
    text = text.replace(plan.name, " ")
    return [scene for each in scenes.values() for scene in each if scene not in own and scene in text]


@pytest.mark.parametrize("tone", TONES)
def test_whatever_occasion_a_model_tells_of_the_products_own_stands_in_the_text(tone: Tone):
    """Each of eight seeds puts an opener and a closer of another kind around the facts, as the small model does."""
    kinds = list(SCENES["en"])
    for place, product in enumerate(PRODUCTS):
        plan = brief_of(DescriptionInput(product=product, tone=tone)).asked_plan.head()
        for seed in range(8):
            other = Plan(plan.language, tone, kinds[(place + 5 * seed) % len(kinds)], plan.name, plan.brand)
            writer = Realiser(other, seed)
            facts = Realiser(plan, seed).facts(list(enumerate(plan.facts, start=1)))
            sentences = [writer.opener(), *facts, writer.closer()]
            between = " " if plan.language == "en" else ""
            reading = read(f"<name>{BODY}{between.join(sentences)}", plan)
            assert reading.is_sound, (reading, sentences)
            text = between.join(reading.draft.sentences)
            assert foreign(text, plan) == [], text


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_realiser_tells_of_no_other_kind(tone: Tone, language: Language):
    for group in SCENES[language]:
        plan = Plan(language, tone, group, "N")
        for seed in range(8):
            assert foreign("".join(realised(plan, seed).texts), plan) == []


@pytest.mark.parametrize(
    ("name", "reply", "unsaid"),
    [
        ("雨衣", "<name><body><name>来啦！每天的饮水时刻就靠它！颜色为<v1>。还等什么？", "饮水"),
        ("冲浪板", "<name><body>快来看看<name>，床头玩起来！颜色为<v1>。", "床头"),
        ("儿童积木", "<name><body>快来看看<name>，忙碌的工作日玩起来！颜色为<v1>。", "工作日"),
        ("Surfboard", "<name><body>Ready for the bedside table? The <name> is too! Colour: <v1>.", "bedside"),
    ],
)
def test_an_occasion_of_another_kind_makes_way_for_one_of_its_own(name: str, reply: str, unsaid: str):
    output = described({"name": name, "color": "红色" if "颜" in reply else "Red"}, by=Asked("slots", lambda _: reply))
    assert unsaid not in output.best.description
    assert output.best.written_by == "model"
    assert "text.mended" not in [each.rule for each in output.checks]


@pytest.mark.parametrize(
    ("reply", "unsaid"),
    [
        ("<name><body>这款<name>适合日常穿搭。颜色为<v1>。它是城市与郊外，都很贴心。", "贴心"),
        ("<name><body>这款<name>适合日常穿搭。颜色为<v1>。居家街馨的房间。", "街馨"),
    ],
)
def test_a_sentence_that_no_phrase_knows_goes(reply: str, unsaid: str):
    output = described({"name": "雨衣", "color": "红色"}, by=Asked("slots", lambda _: reply))
    assert unsaid not in output.best.description
    assert "红色" in output.best.description


def test_an_unknown_kind_has_neutral_occasions_only():
    assert group_of("Surfboard") == group_of("冲浪板") == GENERIC


def test_a_garment_is_known_in_either_script():
    assert group_of("红色纯棉T恤") == group_of("Cotton T-shirt") == "clothing"
