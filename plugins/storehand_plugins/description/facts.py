"""From a product to the plan of its description: each attribute becomes a fact of the kind that fits a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storehand.contracts.product import Product, PropertyValue
from storehand_plugins.checks import Wanted, find_facts
from storehand_plugins.description.audience import audience_facts
from storehand_plugins.description.groups import group_of
from storehand_plugins.description.kinds import FactKind, Language, Tone
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.shape import feature_kind, is_half_sentence, is_plural, unit_of

HIGHLIGHT = "positiveNotes"
"""Label of facts without a name."""

_TYPED = {
    "color": FactKind.COLOR,
    "colour": FactKind.COLOR,
    "颜色": FactKind.COLOR,
    "配色": FactKind.COLOR,
    "material": FactKind.MATERIAL,
    "材质": FactKind.MATERIAL,
    "材料": FactKind.MATERIAL,
    "size": FactKind.SIZE,
    "尺寸": FactKind.SIZE,
    "尺码": FactKind.SIZE,
}
_PATTERN = {"en": "pattern", "zh": "图案"}
_YES = frozenset(("true", "yes", "y", "是", "有", "支持"))
_NO = {"false": "", "no": "", "n": "", "none": "", "否": "", "无": "", "没有": "", "不支持": "不支持"}
_BRAND_KEYS = frozenset(("brand", "品牌"))
_ORDER = list(FactKind)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SPACES = re.compile(r"\s+")


def plan_of(product: Product, language: Language, tone: Tone) -> Plan:
    """Everything a description of this product has to say, once each, features first."""
    brand = brand_of(product)
    texts = (product.category or "", _path_words(product), product.name, *product.positive_notes)
    said = (fact for fact in _facts(product, language) if _says_something(fact.value))
    facts = {(fact.key.lower(), fact.value.lower()): fact for fact in said}
    return Plan(
        language=language,
        tone=tone,
        group=group_of(*texts),
        name=_clean(product.name),
        brand="" if brand and find_facts(product.name, [Wanted("brand", (brand,))])[0] else brand,
        is_plural=language == "en" and is_plural(product.name),
        facts=tuple(sorted(facts.values(), key=lambda fact: _ORDER.index(fact.kind))),
    )


def dropped_fact(name: str, value: str) -> Fact:
    """An attribute that no text says, as the checks list it."""
    return Fact(_TYPED.get(name.lower(), FactKind.WORD), value, key=name, label=name)


def brand_of(product: Product) -> str:
    """The brand as a text says it; empty without one."""
    named = (each.value for each in product.additional_property if each.name.lower() in _BRAND_KEYS)
    brand = _clean(product.brand or next(named, ""))
    return brand if _says_something(brand) else ""


def _says_something(text: str) -> bool:
    """Tables fill cells with "-" and "..." when there is nothing to say."""
    return any(char.isalnum() for char in text)


def _facts(product: Product, language: Language) -> Iterator[Fact]:
    for note in product.positive_notes:
        text = _clean(note)
        yield Fact(feature_kind(text, language), text, label=HIGHLIGHT)
    for kind, label, value in (
        (FactKind.MATERIAL, "material", product.material),
        (FactKind.COLOR, "color", product.color),
        (FactKind.SIZE, "size", product.size),
    ):
        if value:
            yield Fact(kind, _clean(value), label=label)
    if product.pattern:
        yield Fact(FactKind.WORD, _clean(product.pattern), key=_PATTERN[language], label="pattern")
    if product.audience:
        yield from audience_facts(product.audience, language)
    for each in product.additional_property:
        if each.name.lower() not in _BRAND_KEYS:
            yield _named(each, language)


def _path_words(product: Product) -> str:
    """Google's category where it is a path; its number tells nothing here."""
    path = product.google_product_category or ""
    return "" if path.isdecimal() else path


def _named(given: PropertyValue, language: Language) -> Fact:
    label = given.name
    key = _key(label, language)
    value = _clean(given.value) + unit_of(given.unit_code, language)
    lowered = value.lower()
    if lowered in _YES:
        return Fact(feature_kind(key, language), key, label=label)
    if lowered in _NO:
        said = _NO[lowered] or ("否" if language == "zh" else "no")
        return Fact(FactKind.NOTE, said, key=key, label=label)
    typed = _TYPED.get(label.lower())
    if typed is not None:
        return Fact(typed, value, label=label)
    if language == "en" and is_half_sentence(key):
        return Fact(FactKind.PHRASE, f"{key} {value}", label=label)  # fits laptops up to: 16 inch
    is_many = language == "en" and is_plural(key)
    if is_many and value.isdecimal():
        return Fact(FactKind.FEATURE, f"{value} {key}", label=label)  # pieces: 48
    kind = FactKind.AMOUNT if value[0].isdigit() else FactKind.WORD
    return Fact(kind, value, key=key, label=label, key_is_plural=is_many)


def _key(label: str, language: Language) -> str:
    """A name as a sentence says it: "batteryLife", "battery_life" and "Battery life" are battery life."""
    words = _clean(_CAMEL.sub(" ", label.replace("_", " ")))
    if language == "en":
        words = " ".join(word.lower() if word[1:].islower() else word for word in words.split(" "))
    return words


def _clean(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" .。;；,，、") or text.strip()
