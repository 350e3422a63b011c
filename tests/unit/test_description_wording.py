"""How facts read in a sentence: what has a verb of its own, whom it is for, sizes, and keywords said in parts."""

import pytest

from storehand.contracts.product import Product
from storehand.errors import Cancelled
from storehand.testing import FakeContext
from storehand_plugins.description.facts import plan_of
from storehand_plugins.description.kinds import TONES, FactKind, Language, Tone
from storehand_plugins.description.shape import feature_kind
from tests.unit.describing import ALL_FIELDS, KETTLE, Asked, described, rules, texts


@pytest.mark.parametrize(
    ("text", "language", "kind"),
    [
        ("Packs into its own pocket", "en", FactKind.PHRASE),
        ("Rolls into a small pouch", "en", FactKind.PHRASE),
        ("Pockets with zip", "en", FactKind.FEATURE),
        ("Straps for hiking poles", "en", FactKind.FEATURE),
        ("保温12小时", "zh", FactKind.QUALITY),
        ("续航30小时", "zh", FactKind.QUALITY),
        ("自动断电", "zh", FactKind.QUALITY),
        ("保温杯套", "zh", FactKind.FEATURE),
        ("自动模式", "zh", FactKind.FEATURE),
    ],
)
def test_what_has_a_verb_of_its_own_is_no_thing(text: str, language: Language, kind: FactKind):
    assert feature_kind(text, language) == kind


@pytest.mark.parametrize("tone", TONES)
def test_a_verb_stands_in_no_list_of_things(tone: Tone):
    for seed in range(8):
        jacket = described(
            {"name": "Rain Jacket", "positiveNotes": ["Packs into its own pocket"]}, tone=tone, seed=seed
        )
        assert ": packs into its own pocket." in jacket.best.description
        mug = described({"name": "保温杯", "positiveNotes": ["保温12小时"]}, tone=tone, seed=seed)
        assert not any(each + "保温12小时" in mug.best.description for each in ("有", "了", "的", "含", "备", "盖"))


def test_initials_keep_their_capitals():
    assert "A & B zips" in described({"name": "Coat", "positiveNotes": ["A & B zips"]}).best.description


def test_a_size_is_called_one_and_stands_in_no_title():
    for reply in ("<name>, <v1>, <v2>", "<name>: <v2>", "<name> | <v1> | <v2>"):
        text = f"{reply}<body>The <name> suits everyday outfits. Features: <v1>. Size: <v2>."
        given = {"name": "Rain Jacket", "size": "M", "positiveNotes": ["Waterproof rating"]}
        output = described(given, by=Asked("slots", lambda _, text=text: text), fields=ALL_FIELDS)
        assert output.best.written_by == "model"
        assert output.best.title in ("Rain Jacket, Waterproof rating", "Rain Jacket", "Rain Jacket | Waterproof rating")
        assert "size M" in (output.best.meta_description or "")
    coat = described({"name": "雨衣", "size": "M"}, fields=ALL_FIELDS)
    assert "尺码" in coat.best.description
    assert "尺寸" not in "".join(texts(coat).values()).replace("尺寸：M", "")
    assert "尺寸" in described({"name": "毛毯", "size": "180×200厘米"}).best.description


def test_an_adults_age_is_not_spoken_of():
    coat = {"name": "Coat", "audience": {"suggestedGender": "female", "suggestedMinAge": 13}}
    for seed in range(8):
        text = described(coat, seed=seed).best.description
        assert "made for women" in text
        assert "13" not in text
        assert "In use, it is made for" not in text
    plan = plan_of(Product.model_validate({"name": "桌游", "audience": {"suggestedMinAge": 14}}), "zh", "neutral")
    assert [fact.value for fact in plan.facts] == ["适合14岁及以上"]


@pytest.mark.parametrize(
    ("product", "keyword", "supported"),
    [
        ({"name": "Trail Rain Jacket", "audience": {"suggestedGender": "female"}}, "rain jacket women", True),
        ({"name": "Trail Rain Jacket", "audience": {"suggestedGender": "female"}}, "women's rain jackets", True),
        ({"name": "Trail Rain Jacket", "audience": {"suggestedGender": "female"}}, "rain jacket men", False),
        ({"name": "Trail Rain Jacket", "additionalProperty": {"waterproof": False}}, "waterproof rain jacket", False),
        ({"name": "雨衣", "audience": {"suggestedGender": "female"}}, "女士雨衣", True),
        ({"name": "雨衣", "audience": {"suggestedGender": "female"}}, "女款雨衣", True),
        ({"name": "雨衣", "audience": {"suggestedGender": "female"}}, "男士雨衣", False),
    ],
)
def test_a_keyword_may_be_said_in_parts(product: dict[str, object], keyword: str, supported: bool):
    output = described(product, keywords=[keyword])
    assert ("keyword.unsupported" in rules(output)) != supported
    assert "keyword.missing" not in rules(output)
    if supported:
        assert output.best.keyword_coverage == 1.0


@pytest.mark.parametrize("form", ["bullets", "html"])
def test_a_list_that_was_asked_for_is_no_mending(form: str):
    text = (
        "<name><body>The <brand> <name> suits family meals. Features: <v1>. It is <v2>. It is made of <v3>. "
        "It comes in <v4>. The <k5> is <v5> and the <k6> is <v6>."
    ).replace("The <brand> <name>", "The <name> by <brand>")
    output = described(KETTLE, by=Asked("slots", lambda _: text), format=form)
    assert output.best.written_by == "model"
    assert "text.mended" not in rules(output)


def test_a_stop_is_obeyed_between_the_steps():
    class Stopped(FakeContext):
        asked = 0

        def check(self) -> None:
            self.asked += 1
            if self.asked == 3:
                raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        described({"name": "Lamp", "description": "a\n" * 2400}, context=Stopped())
