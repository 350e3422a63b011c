"""Models of any format: what a chat model wraps around its answer, and base models that only continue text."""

import hashlib

import pytest

from storehand_plugins.description.answers import parse
from storehand_plugins.description.kinds import Language
from storehand_plugins.description.plan import Plan
from tests.unit.describing import ALL_FIELDS, BAG, KETTLE, Asked, described, rules

CHAT = """<think>Let me add a 9 kg fact.</think>
Sure! Here you go:
```
Title: Harbour Electric Kettle in matte black
Description: The Harbour Electric Kettle by Quiet Home holds 1.7 L. It is stainless steel with 2200 W and auto shut-off.
Bullets:
- Auto shut-off
- 1.7 L, 2200 W
- BPA-free
- Only $9.99!
SEO title: Harbour Electric Kettle | Quiet Home
Meta description: A kettle with 99 functions.
Alt text: A matte black kettle
```
Let me know if you need more!"""
JSON = """好的，以下是结果：
{"title": "行野城市通勤双肩包", "description": "行野城市通勤双肩包为深灰色，容量22升，重量0.9千克。防水，可水洗。",
 "bullets": ["防水", "可水洗", "容量22升"]}"""


def plan(language: Language = "en") -> Plan:
    return Plan(language=language, tone="neutral", group="generic", name="Kettle" if language == "en" else "水壶")


def test_a_chat_answer_gives_every_field_and_loses_what_it_invents():
    output = described(KETTLE, by=Asked("chat", lambda prompt: CHAT), fields=ALL_FIELDS)
    best = output.best
    assert best.title == "Harbour Electric Kettle in matte black"
    assert best.bullets == ("Auto shut-off", "1.7 L, 2200 W", "BPA-free")
    assert (best.seo_title, best.alt_text) == ("Harbour Electric Kettle | Quiet Home", "A matte black kettle")
    assert best.meta_description is not None
    assert "99" not in best.meta_description
    assert "9 kg" not in best.description
    assert "Let me know" not in best.description
    assert best.attribute_coverage == 1.0
    assert rules(output) == ["text.mended"]


def test_json_is_read_as_well():
    best = described(BAG, by=Asked("chat", lambda prompt: JSON), fields=["title", "description", "bullets"]).best
    assert best.title == "行野城市通勤双肩包"
    assert best.description.startswith("行野城市通勤双肩包为深灰色，容量22升")
    assert best.bullets == ("防水", "可水洗", "容量22升")


@pytest.mark.parametrize(
    "text",
    [
        "<think>I might say 12 cups.</think>A kettle for tea.",
        "I might say 12 cups.\n</think>\n\nA kettle for tea.",
        "<reasoning>12 cups</reasoning>Description: A kettle for tea.",
        '```json\n{"description": "A kettle for tea."}\n```',
        "Of course! Here is a description:\nDescription: A kettle for tea.\n\nI hope this helps!",
    ],
)
def test_thoughts_fences_and_small_talk_are_no_text(text: str):
    answer = parse(text, plan())
    assert answer is not None
    assert answer.body == "A kettle for tea."


@pytest.mark.parametrize("text", ["<think>I never stop thinking about kettles.", "{}", "```\n```", "抱歉"])
def test_an_answer_without_a_text_is_none(text: str):
    assert parse(text, plan()) is None


def test_a_title_about_another_product_is_not_taken():
    reply = "Title: Garden Chair Deluxe\nDescription: The Harbour Electric Kettle holds 1.7 L."
    assert described(KETTLE, by=Asked("chat", lambda prompt: reply)).best.title == "Harbour Electric Kettle"


def test_a_chat_model_is_told_the_style_and_the_data_is_fenced():
    model = Asked("chat", lambda prompt: CHAT)
    style = {"brand_voice": "calm", "audience": "tea drinkers", "style_examples": ["Short. Warm."]}
    output = described({**KETTLE, "positiveNotes": ["</product> lid"]}, by=model, format="html", **style)
    prompt, _ = model.questions[0]
    told = "\n".join(message.content for message in prompt if not isinstance(message, str))
    assert all(words in told for words in ("calm", "tea drinkers", "Short. Warm.", "Bullets:"))
    assert told.count("</product>") == 2  # the rule about it, and the fence itself
    assert "style.not_applied" not in rules(output)


@pytest.mark.parametrize("style", [{"brand_voice": "calm"}, {"audience": "tea"}, {"style_examples": ["Short."]}])
def test_a_style_that_no_model_followed_is_said(style: dict[str, object]):
    assert "style.not_applied" in rules(described(KETTLE, **style))


def test_a_base_model_is_shown_examples_and_only_sound_sentences_stay():
    reply = (
        " The Harbour Electric Kettle has a capacity of 1.7 L. It has 12 modes. It is made of stainless steel. "
        "The Wren Reading Lamp is nice. It is made of stainless steel.\n\nProduct: Chair"
    )
    model = Asked("plain", lambda prompt: reply)
    output = described(KETTLE, by=model)
    prompt, options = model.questions[0]
    assert isinstance(prompt, str)
    assert prompt.endswith("Description:")
    assert "Osier Picnic Basket" in prompt
    assert options.stop == ("\n",)
    text = output.best.description
    assert text.startswith("The Harbour Electric Kettle has a capacity of 1.7 L. It is made of stainless steel. ")
    assert not any(words in text for words in ("12", "Lamp", "Chair"))
    assert output.best.attribute_coverage == 1.0
    assert (output.provenance.written_by, rules(output)) == ("model", ["text.mended"])


def test_a_base_model_is_asked_in_the_products_language():
    model = Asked("plain", lambda prompt: "双肩包的容量为22升。它有12个口袋。")
    output = described(BAG, by=model)
    assert "商品：城市通勤双肩包" in str(model.questions[0][0])
    assert "容量为22升" in output.best.description
    assert "12" not in output.best.description
    assert "城市通勤双肩包" in output.best.description


def test_the_jobs_own_parameters_reach_the_model_within_its_room():
    model = Asked("chat", lambda prompt: CHAT)
    generation = {"temperature": 0.1, "top_p": 0.5, "max_new_tokens": 8000, "n": 3, "seed": 5, "stop": ["###"]}
    output = described(KETTLE, by=model, generation=generation, seed=9)
    options = model.questions[0][1]
    assert (options.temperature, options.top_p, options.n, options.seed, options.stop) == (0.1, 0.5, 3, 5, ("###",))
    assert options.max_new_tokens < 4096
    assert (output.provenance.seed, len(output.variants)) == (5, 1)


def test_the_best_of_several_samples_is_kept():
    def reply(prompt: str) -> str:
        replies.append(prompt)
        claim = "It has Super Retina XDR. " if len(replies) < 3 else ""
        number = "abc"[len(replies) % 3]
        return f"Title: Kettle\nDescription: The Kettle {number} holds 1.7 L. {claim}"

    replies: list[str] = []
    output = described("Kettle, 1.7 L", by=Asked("chat", reply), generation={"n": 3})
    assert output.best.unsupported_claims == ()
    assert len(replies) == 3


def test_the_prompts_digest_is_kept_where_a_model_was_asked():
    model = Asked("plain", lambda prompt: "")
    output = described(KETTLE, by=model)
    assert output.provenance.prompt_sha256 == hashlib.sha256(str(model.questions[0][0]).encode()).hexdigest()
    assert described(KETTLE).provenance.prompt_sha256 is None


def test_the_same_seed_wins_over_the_short_form():
    assert described(KETTLE, seed=1, generation={"seed": 4}).best == described(KETTLE, seed=4).best
