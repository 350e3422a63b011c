"""The plain realiser: every fact once, nothing else, in both languages."""

import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from storehand.contracts.description import DescriptionInput
from storehand.contracts.product import Product
from storehand_plugins.checks import unsupported_claims, unsupported_numbers
from storehand_plugins.description import phrases_en, phrases_zh
from storehand_plugins.description.brief import brief_of
from storehand_plugins.description.compose import Composer
from storehand_plugins.description.drafts import read
from storehand_plugins.description.facts import plan_of
from storehand_plugins.description.groups import GROUPS
from storehand_plugins.description.kinds import LANGUAGES, TONES, FactKind, Language, Tone
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.realiser import Realiser
from storehand_plugins.description.text import Reviewer
from storehand_plugins.description.written import realised
from storehand_plugins.starter.training.corpus import answer, pairs, random_plan

PIECES = (
    "kettle",
    "XY",
    "A14",
    "5G",
    "水壶",
    "双摄",
    "5.0英寸",
    "0.1 cm",
    "½ 杯",
    "１２寸",
    "co-op",
    "-",
    "Sea blue",
    "可洗",
)
WORDS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(" ".join)
PRODUCTS = st.fixed_dictionaries(
    {"name": WORDS},
    optional={
        "brand": WORDS,
        "color": WORDS,
        "positiveNotes": st.lists(WORDS, max_size=20),
        "additionalProperty": st.dictionaries(WORDS, WORDS, max_size=20),
    },
)


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True)
@given(PRODUCTS, st.sampled_from(LANGUAGES), st.sampled_from(TONES), st.integers(0, 2**31 - 1))
def test_every_fact_of_any_product_is_stated_and_no_number_invented(
    given_product: dict[str, object], language: Language, tone: Tone, seed: int
):
    product = Product.model_validate(given_product)
    brief = brief_of(DescriptionInput(product=product, tone=tone, locale=language))
    variant = Reviewer(brief).variant(Composer(brief, seed).text(realised(brief.plan, seed)))
    unsaid = {(fact.label, fact.value) for fact in (*brief.dropped, *brief.foreign)}
    missing = {(each.name, each.value) for each in variant.attributes if each.status == "missing"}
    assert missing <= unsaid
    assert [claim for claim in variant.unsupported_claims if claim.kind != "other"] == []
    assert 0 < len(variant.title) <= 150


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_drafts_pass_the_check_that_a_models_drafts_must_pass(language: Language):
    rng = random.Random(5)
    for _ in range(300):
        plan = random_plan(rng)
        if plan.language == language:
            reading = read(answer(Realiser(plan, rng.randrange(1000)).draft(), plan), plan)
            assert reading.is_sound, reading


@pytest.mark.parametrize("phrases", [phrases_en, phrases_zh])
def test_no_frame_claims_anything(phrases: object):
    texts = [text for value in vars(phrases).values() if isinstance(value, tuple) for text in value]
    texts += [
        text
        for value in vars(phrases).values()
        if isinstance(value, dict)
        for each in value.values()
        if isinstance(each, tuple)
        for text in each
    ]
    assert len(texts) > 150
    for text in texts:
        assert unsupported_numbers(text, []) == [], text
        assert unsupported_claims(text, []) == [], text


def test_every_group_has_scenes_in_both_languages():
    assert set(GROUPS) == set(phrases_en.SCENES) == set(phrases_zh.SCENES)


def test_the_same_seed_gives_the_same_text_and_seeds_differ():
    plan = Plan("en", "warm", "kitchen", "Kettle", facts=(Fact(FactKind.FEATURE, "Timer"), Fact(FactKind.COLOR, "Red")))
    assert realised(plan, 3) == realised(plan, 3)
    assert len({realised(plan, seed).texts for seed in range(20)}) > 10


def test_tones_are_told_apart():
    plans = [Plan("zh", tone, "bag", "背包", facts=(Fact(FactKind.FEATURE, "口袋"),)) for tone in TONES]
    assert len({realised(plan, 1).texts for plan in plans}) == len(TONES)


def test_plural_products_get_plural_verbs():
    plan = plan_of(Product(name="Trail Shoes", positive_notes=("waterproof",)), "en", "neutral")
    texts = [" ".join(realised(plan, seed).texts) for seed in range(30)]
    assert any(" are " in text or "They" in text for text in texts)
    assert not any("Shoes is " in text or "It is" in text for text in texts)


def test_training_text_repeats_itself_for_a_seed():
    first, second, other = pairs(1), pairs(1), pairs(2)
    ours = [next(first) for _ in range(5)]
    assert ours == [next(second) for _ in range(5)]
    assert ours != [next(other) for _ in range(5)]
