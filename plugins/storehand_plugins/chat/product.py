"""Questions about a product, answered from its own data part by part: what it says, and what it does not say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.chat.attributes import Attribute, attributes
from storehand_plugins.chat.facts import Fact, facts_of
from storehand_plugins.chat.languages import Language
from storehand_plugins.chat.patterns import plain
from storehand_plugins.chat.phrases import joined, phrase
from storehand_plugins.chat.pieces import asks, pieces
from storehand_plugins.chat.words import CONCEPT, Bag, bag, concepts, is_han, stem

_NEEDED = 0.55
"""Share of a question's words that one fact must have, where neither its name nor its kind was asked for."""

_MOST = 3
_OVERVIEW = 6
_CALLED, ASKED_FOR = 1.0, 0.9
"""Confidence where the name of a fact was said, and where its kind was asked for."""

_POLICY = frozenset(
    CONCEPT + name
    for name in (
        "refund", "return", "exchange", "cancel", "shipping_fee", "ship", "invoice", "pay", "discount", "warranty",
        "track", "faulty", "late", "dispatch", "arrive", "gift_wrap", "price_match", "instalment", "authentic",
        "membership", "gift_card", "cod", "bulk", "account", "password", "newsletter", "tradein", "review",
    )
)  # fmt: skip
"""Whoever asks for these asks about the shop; the product's facts answer only what names them too."""

_EMPTY = ("product", "item", "thing", "contain", "itself", "商品", "产品", CONCEPT + "duration", CONCEPT + "order")
_SUPPORTS = re.compile(r"\bsupport(s|ed)?\b")
"""Of a product it says nothing by itself; of a shop it is the help desk."""

_HAS = re.compile(r"^(请问)?(有没有|是不是|会不会|有|含|带|送|会)(?=.)")
_ABOUT = re.compile(
    r"\b(tell me (more |something )?about|describe|details of|more about|introduce)\b|\binfo(rmation)? (on|about)\b"
    r"|介绍|讲讲|说说|有(什么|哪些)(特点|功能|优点|亮点|卖点)"
)
"""Asks for what there is to say, as long as nothing narrower is asked."""

_HOW_MUCH = r"(?:是|有|大概|大约)?(?:多[少大长高重久宽]|几)?"


@dataclass(frozen=True, slots=True)
class ProductAnswer:
    """Sentences that state facts of the product; `missing` names what was asked and is not among them, `rest` are the
    questions of the message that are not about the product."""

    text: str
    confidence: float
    missing: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    sentences: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    confidence: float = ASKED_FOR


def product_answer(product: Product, question: str, language: Language) -> ProductAnswer | None:
    """None where nothing in the question is about what products are like."""
    facts = facts_of(product, language)
    sentences: list[str] = []
    missing: list[str] = []
    rest: list[str] = []
    sure = 1.0
    for piece in pieces(question):
        read = _read(piece, product, facts, language)
        if read is not None:
            sentences += read.sentences
            missing += read.missing
            sure = min(sure, read.confidence)
        elif asks(piece):
            rest.append(piece)
    if not sentences and not missing:
        return None
    return ProductAnswer(
        joined(language, *_merged(sentences, language)), sure, tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(rest))
    )


def _read(piece: str, product: Product, facts: Sequence[Fact], language: Language) -> _Reading | None:
    """One part of the question: facts by their names, by the kind that is asked for, at last by shared words."""
    text = _SUPPORTS.sub(" ", _without_name(plain(piece), product))
    words = bag(_HAS.sub("", text.strip()))
    policy = _POLICY & set(words)
    if policy:
        return _by_words(words, [fact for fact in facts if policy <= set(fact.words)], language)
    hits, text = _called(text, facts)
    missing: list[str] = []
    sentences = [fact.sentence for fact in hits]
    for attribute in attributes():
        asked = attribute.ask.search(text)
        if asked is None:
            continue
        text = attribute.ask.sub(" ", text)
        if attribute.is_generic and (sentences or missing):
            continue
        found = _of_kind(attribute, facts, product, words, language)
        sentences += found
        if not found:
            missing.append(attribute.called(language))
    if sentences:
        sure = _CALLED if hits and len(sentences) == len(hits) else ASKED_FOR
        return _Reading(tuple(dict.fromkeys(sentences))[: _MOST + 1], tuple(missing), sure)
    if not missing and _ABOUT.search(text):
        return _Reading(tuple(_shown(fact, language) for fact in facts[:_OVERVIEW])) if facts else None
    return _by_words(words, facts, language) or (_Reading(missing=tuple(missing)) if missing else None)


def _without_name(text: str, product: Product) -> str:
    """The name says which product, not what about it: its endings go ("the duvet cover", 保温杯)."""
    name = plain(product.name)
    leaf = plain((product.category or "").split(">")[-1].strip())
    if is_han(name):
        for start in range(len(name) - 1):
            text = text.replace(name[start:], " ")
        return text.replace(leaf, " ") if len(leaf) >= 2 and is_han(leaf) else text
    parts = name.split()
    for start in range(len(parts)):
        ending = " ".join(parts[start:])
        if len(ending) >= 3 and not any(map(str.isdigit, ending)):
            text = re.sub(rf"\b{re.escape(ending)}\b", " ", text)
    return text


def _called(text: str, facts: Sequence[Fact]) -> tuple[list[Fact], str]:
    """The facts whose names stand in the text, and the text without those names."""
    hits: list[Fact] = []
    said = {stem(word) for word in re.findall(r"[a-z]+", text)}
    for fact in sorted(facts, key=lambda each: -len(each.name)):
        if is_han(fact.name):
            if len(fact.name) >= 2 and fact.name in text:
                text = re.sub(re.escape(fact.name) + _HOW_MUCH, " ", text)
                hits.append(fact)
            elif fact.name.endswith("数") and re.search(rf"(几|多少)个?[{fact.name[:-1]}]", text):
                hits.append(fact)
            continue
        stems = {stem(word) for word in re.findall(r"[a-z]+", fact.name) if word not in concepts().stop}
        if stems and stems <= said:
            said -= stems
            text = re.sub(r"[a-z]+", lambda word, stems=stems: "" if stem(word[0]) in stems else word[0], text)  # type: ignore[misc]  # bound by its default
            text = re.sub(r"\bhow (big|large|long|high|much|many|strong)\b", " ", text)
            hits.append(fact)
    return [fact for fact in facts if fact in hits], text


def _of_kind(
    attribute: Attribute, facts: Sequence[Fact], product: Product, words: Bag, language: Language
) -> list[str]:
    """Sentences of one kind: named facts, and highlights that say it."""
    found: list[Fact] = []
    for pattern in attribute.names:
        found = [fact for fact in facts if fact.name and pattern.search(fact.name) and not _is_barred(attribute, fact)]
        if found:
            break
    found = _nearest(found, words)
    sentences = [fact.sentence for fact in found[:_MOST]]
    if attribute.values is None or sentences:
        return sentences
    notes = [fact for fact in facts if fact.is_note and attribute.values.search(fact.value)]
    sentences += [_noted(fact, attribute, language) for fact in notes[:_MOST]]
    if not sentences and attribute.is_in_name:
        match = attribute.values.search(product.name.lower())
        sentences += [_labelled(attribute, product.name[match.start() : match.end()], language)] if match else []
    return sentences


def _is_barred(attribute: Attribute, fact: Fact) -> bool:
    return attribute.not_names is not None and attribute.not_names.search(fact.name) is not None


def _nearest(found: list[Fact], words: Bag) -> list[Fact]:
    """Of several, those that share another word of the question ("the cable", 珍珠)."""
    if len(found) < 2:
        return found
    shares = [sum(weight for term, weight in words.items() if term in bag(fact.name)) for fact in found]
    return [fact for fact, share in zip(found, shares, strict=True) if share == max(shares)]


def _noted(fact: Fact, attribute: Attribute, language: Language) -> str:
    """A bare code says what it is about ("IP68"); other highlights speak for themselves."""
    if len(fact.value) <= 12 and not attribute.ask.search(fact.value.replace("ip", "")):
        return _labelled(attribute, fact.sentence.rstrip(".。"), language)
    return phrase(language, "product.says", note=fact.sentence)


def _labelled(attribute: Attribute, value: str, language: Language) -> str:
    label = attribute.called(language).removeprefix("the ").removeprefix("a ")
    return f"{label}：{value}。" if language == "zh" else f"{label[:1].upper()}{label[1:]}: {value}."


def _by_words(words: Bag, facts: Iterable[Fact], language: Language) -> _Reading | None:
    """The facts that have most of the question's words."""
    asked = {term: weight for term, weight in words.items() if term not in _EMPTY}
    total = sum(asked.values())
    if total < 0.8:
        return None
    shares = [(sum(weight for term, weight in asked.items() if term in fact.words) / total, fact) for fact in facts]
    best = max((share for share, _ in shares), default=0.0)
    if best < _NEEDED:
        return None
    chosen = [fact for share, fact in shares if share >= 0.9 * best][:_MOST]
    return _Reading(tuple(_shown(fact, language) for fact in chosen), confidence=min(1.0, 0.5 + best / 2))


def _shown(fact: Fact, language: Language) -> str:
    return phrase(language, "product.says", note=fact.sentence) if fact.is_note else fact.sentence


def _merged(sentences: Iterable[str], language: Language) -> list[str]:
    """Highlights that follow each other become one sentence."""
    says, joint = phrase(language, "product.says", note=""), phrase(language, "product.note_joint")
    merged: list[str] = []
    for sentence in dict.fromkeys(sentences):
        if merged and sentence.startswith(says) and merged[-1].startswith(says):
            merged[-1] = merged[-1].rstrip(".。") + joint + sentence.removeprefix(says)
        else:
            merged.append(sentence)
    return merged
