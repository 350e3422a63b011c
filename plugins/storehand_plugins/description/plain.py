"""How a model that only continues text (gpt2, base models) is asked: by examples, in the product's language."""

from __future__ import annotations

from storehand_plugins.checks import find_words, split_sentences
from storehand_plugins.description.chat import fact_line
from storehand_plugins.description.plan import Plan

_SHOTS = {
    "en": (
        (
            "Wren Reading Lamp",
            ("colour: soft white", "power: 7 W", "Dimmable"),
            "The Wren Reading Lamp comes in soft white. Its power is 7 W. It is dimmable.",
        ),
        (
            "Osier Picnic Basket",
            ("material: willow", "capacity: 18 L", "Leather straps"),
            "The Osier Picnic Basket is made of willow and has leather straps. Its capacity is 18 L.",
        ),
    ),
    "zh": (
        ("微光阅读灯", ("颜色：暖白", "功率：7瓦", "可调光"), "微光阅读灯的颜色为暖白，功率为7瓦。它可调光。"),
        (
            "柳溪野餐篮",
            ("材质：柳条", "容量：18升", "皮质提手"),
            "柳溪野餐篮的材质为柳条，带有皮质提手。它的容量为18升。",
        ),
    ),
}
_LABELS = {"en": ("Product: ", "Facts: ", "Description:", "; "), "zh": ("商品：", "事实：", "描述：", "；")}
STOP = ("\n",)
"""A paragraph ends the answer."""


def prompt(plan: Plan) -> str:
    """Two finished examples, and this product's beginning."""
    shots = [_block(name, facts, plan) + text for name, facts, text in _SHOTS[plan.language]]
    facts = tuple(fact_line(fact, plan.language) for fact in plan.facts)
    return "\n\n".join([*shots, _block(plan.name, facts, plan)]).rstrip()


def _block(name: str, facts: tuple[str, ...], plan: Plan) -> str:
    product, listed, description, separator = _LABELS[plan.language]
    space = " " if plan.language == "en" else ""
    return f"{product}{name}\n{listed}{separator.join(facts)}\n{description}{space}"


def sentences(text: str, plan: Plan) -> list[str]:
    """Whole sentences of the first paragraph, each once; none that speaks of the examples' products."""
    paragraph = text.strip().split("\n")[0]
    found = [paragraph[start:end] for start, end in split_sentences(paragraph)]
    whole = [each for each in dict.fromkeys(found) if each[-1] in ".!?。！？"]
    strangers = [name for name, _, _ in _SHOTS[plan.language] if not find_words(plan.name, (name,))]
    return [each for each in whole if not find_words(each, strangers)]
