"""Questions about a product, answered from its own data: the fact that was asked for, in the shop's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.passages import quotable
from storehand_plugins.chat.phrases import joined, phrase
from storehand_plugins.chat.words import CONCEPT, Bag, bag, merged
from storehand_plugins.checks import find_injection, find_numbers

_NEEDED = 0.55
"""Share of the question that one fact must have, to be its answer."""

_MOST = 3
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_POLICY = frozenset(
    CONCEPT + name
    for name in (
        "refund",
        "return",
        "exchange",
        "cancel",
        "shipping_fee",
        "ship",
        "invoice",
        "pay",
        "discount",
        "warranty",
        "track",
        "faulty",
        "late",
        "dispatch",
        "arrive",
        "gift_wrap",
        "price_match",
        "instalment",
    )
)
"""Whoever asks for these asks about the shop; the product's facts answer only what names them too."""


@dataclass(frozen=True, slots=True)
class _Fact:
    words: Bag
    sentence: str


@dataclass(frozen=True, slots=True)
class ProductAnswer:
    """Sentences that state facts of the product."""

    text: str
    confidence: float


def product_answer(product: Product, question: str, language: Language) -> ProductAnswer | None:
    """The facts that have most of the question's words; none where no fact has enough."""
    asked = dict(bag(question))
    for term in bag(product.name):
        asked.pop(term, None)  # the name says which product, not what about it
    for term in ("product", "item", "thing", "商品", "产品", CONCEPT + "duration", CONCEPT + "order"):
        asked.pop(term, None)
    total = sum(asked.values())
    if total < 0.8:
        return None
    scored = []
    for fact in _facts(product, language):
        if not fact.sentence or set(asked) & _POLICY - set(fact.words):
            continue
        share = sum(weight for term, weight in asked.items() if term in fact.words) / total
        if share >= _NEEDED:
            scored.append((share, fact.sentence))
    if not scored:
        return None
    best = max(share for share, _ in scored)
    sentences = [sentence for share, sentence in scored if share >= 0.9 * best][:_MOST]
    return ProductAnswer(joined(language, *sentences), min(1.0, 0.5 + best / 2))


def _facts(product: Product, language: Language) -> Iterator[_Fact]:
    typed = (("color", product.color), ("material", product.material), ("size", product.size), ("brand", product.brand))
    for name, value in (*typed, ("pattern", product.pattern)):
        if value:
            yield _fact(phrase(language, f"product.{name}"), value, name, language)
    for each in product.additional_property:
        yield _fact(
            _CAMEL.sub(" ", each.name), _said(each.value, language) + (each.unit_code or ""), each.name, language
        )
    for note in product.positive_notes:
        yield _Fact(bag(note), "" if find_injection(note) else _ended(note, language))
    if product.offers is not None:
        price = f"{product.offers.price} {product.offers.price_currency}"
        yield _fact(phrase(language, "product.price"), price, "price", language)
        if product.offers.availability:
            yield _Fact(bag("in stock 有货"), phrase(language, f"product.{product.offers.availability}"))
    text = product.description or ""
    for start, end in quotable(text):
        yield _Fact(bag(text[start:end]), text[start:end])


def _fact(name: str, value: str, key: str, language: Language) -> _Fact:
    words = merged(bag(name), bag(_CAMEL.sub(" ", key)), bag(value))
    for number in find_numbers(value):  # "how heavy" and "1.2 kg", "how big" and "30 cm"
        words = merged(words, bag(_UNIT_WORDS.get(number.unit, "")))
    shown = f"{name}：{value}" if language == "zh" else f"{name[:1].upper()}{name[1:].lower()}: {value}"
    return _Fact(words, "" if find_injection(value) else _ended(shown, language))


_UNIT_WORDS = {
    **dict.fromkeys(("kg", "g", "lb", "oz"), "weight"),
    **dict.fromkeys(("cm", "mm", "in"), "size"),
    **dict.fromkeys(("l", "ml"), "capacity"),
    **dict.fromkeys(("w", "kw"), "power"),
    "mah": "battery",
}


def _said(value: str, language: Language) -> str:
    return phrase(language, f"product.{value.lower()}") if value.lower() in ("true", "false") else value


def _ended(text: str, language: Language) -> str:
    return text if text[-1:] in ".!?。！？" else text + ("。" if language == "zh" else ".")
