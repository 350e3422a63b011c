"""A product's facts, each as a sentence in the shop's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.passages import quotable
from storehand_plugins.chat.patterns import plain
from storehand_plugins.chat.phrases import phrase
from storehand_plugins.chat.words import Bag, bag, merged
from storehand_plugins.checks import find_injection, find_numbers

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNIT_WORDS = {
    **dict.fromkeys(("kg", "g", "lb", "oz"), "weight"),
    **dict.fromkeys(("cm", "mm", "in"), "size"),
    **dict.fromkeys(("l", "ml"), "capacity"),
    **dict.fromkeys(("w", "kw"), "power"),
    "mah": "battery",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """`name` and `value` are as patterns read them (`name` is empty for highlights); `sentence` is what is said."""

    name: str
    value: str
    sentence: str
    words: Bag
    is_note: bool = False


def facts_of(product: Product, language: Language) -> list[Fact]:
    """Facts whose values give orders to a machine are left out."""
    return [fact for fact in _facts(product, language) if fact.sentence]


def _facts(product: Product, language: Language) -> Iterator[Fact]:
    typed = (("color", product.color), ("material", product.material), ("size", product.size), ("brand", product.brand))
    for name, value in (*typed, ("pattern", product.pattern)):
        if value:
            yield _named(phrase(language, f"product.{name}"), value, name, language)
    for each in product.additional_property:
        value = _said(each.value, language) + (each.unit_code or "")
        yield _named(_CAMEL.sub(" ", each.name), value, each.name, language)
    yield from _audience(product, language)
    for note in product.positive_notes:
        yield _note(note, ended(note, language))
    if product.offers is not None:
        is_yuan = language == "zh" and product.offers.price_currency == "CNY"
        price = product.offers.price + ("元" if is_yuan else f" {product.offers.price_currency}")
        yield _named(phrase(language, "product.price"), price, "price", language)
        if product.offers.availability:
            sentence = phrase(language, f"product.{product.offers.availability}")
            yield Fact("stock", "", sentence, bag("in stock 有货"))
    for start, end in quotable(product.description or ""):
        yield _note((product.description or "")[start:end], (product.description or "")[start:end])


def _audience(product: Product, language: Language) -> Iterator[Fact]:
    if product.audience is not None and product.audience.suggested_min_age is not None:
        low, high = product.audience.suggested_min_age, product.audience.suggested_max_age
        value = f"{low:g}+" if high is None else f"{low:g}–{high:g}"
        yield _named(phrase(language, "product.age"), value, "age", language)


def _note(text: str, sentence: str) -> Fact:
    return Fact("", plain(text), "" if find_injection(text) else sentence, bag(text), is_note=True)


def _named(name: str, value: str, key: str, language: Language) -> Fact:
    words = merged(bag(name), bag(_CAMEL.sub(" ", key)), bag(value))
    for number in find_numbers(value):  # "how heavy" and "1.2 kg", "how big" and "30 cm"
        words = merged(words, bag(_UNIT_WORDS.get(number.unit, "")))
    shown = f"{name}：{value}" if language == "zh" else f"{_titled(name)}: {value}"
    return Fact(plain(name), plain(value), "" if find_injection(value) else ended(shown, language), words)


def _titled(name: str) -> str:
    """As a label of a sentence; names such as 5G and USB-C stay as they are."""
    words = " ".join(word.lower() if word.istitle() and word.isalpha() else word for word in name.split())
    return words[:1].upper() + words[1:]


def _said(value: str, language: Language) -> str:
    return phrase(language, f"product.{value.lower()}") if value.lower() in ("true", "false") else value


def ended(text: str, language: Language) -> str:
    return text if text[-1:] in ".!?。！？" else text + ("。" if language == "zh" else ".")
