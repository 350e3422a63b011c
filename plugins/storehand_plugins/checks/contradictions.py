"""What a text says of an attribute that the product states otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.checks.amounts import contradicted_numbers
from storehand_plugins.checks.concepts import Mention, find_mentions
from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.sentences import sentence_at
from storehand_plugins.checks.statements import Statement, statements_of
from storehand_plugins.checks.wordings import contradicted_wordings

_WHOLE = frozenset(("material", "materials", "材质", "材料", "面料", "内胆", "主材", "内胆材质", "fabric", "name"))
"""Labels that speak of the product and not of one of its parts (handle, poles, lid)."""

_COLOUR_LABELS = frozenset(("color", "colour", "颜色", "配色"))
_MANY_COLOURS = re.compile(r"multi|assorted|various|mixed|teal|turquoise|aqua|cyan|彩|花|多|混|迷|拼|随机|青|[,/、+&]")
"""Colours between others, and more than one."""

_COLOUR_WORD = re.compile(
    r"\s*(?:(?:enamel|glazed?|matte?|gloss|leather|fabric|coated|painted)\s)?(?:colou?r(?:ed)?|finish|version|edition|enamel|coating|glaze)\b"
)
_COLOUR_BEFORE = re.compile(r"\b(?:in|comes in|available in|in an?|in classic|in deep)\s$")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The product's `attribute` is `value`; the original text says `found` at `start` to `end`."""

    attribute: str
    value: str
    found: str
    start: int
    end: int


def find_contradictions(text: str, product: Product) -> list[Contradiction]:
    """Attributes of the product that the text states with another value of the same kind, in order.

    Only what is certain: where the text also gives the right value, the wrong one is an unsupported claim at most.
    """
    statements = statements_of(product)
    folded = fold_visible(text).condensed()
    found = [
        *_concepts(text, folded, statements, product),
        *_negations(text, folded, statements),
        *_unlisted_colours(text, folded, statements, product),
        *(Contradiction(a, v, text[i:j], i, j) for a, v, i, j in contradicted_wordings(folded, statements)),
        *(Contradiction(*each) for each in contradicted_numbers(text, statements)),
    ]
    kept: list[Contradiction] = []
    for each in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _concepts(text: str, folded: Folded, statements: Sequence[Statement], product: Product) -> Iterator[Contradiction]:
    known = [
        (statement, mention)
        for statement in statements
        for mention in find_mentions(fold(statement.said).text)
        if mention.concept.family and not mention.is_negated
    ]
    said = [mention for mention in find_mentions(folded.text) if not mention.is_negated]
    concepts = {mention.concept for mention in said}
    for mention in said:
        family = mention.concept.family
        same = [each for each in known if each[1].concept.family == family]
        if not family or any(mention.concept.fits(each.concept) for _, each in same):
            continue
        if mention.is_compared or _is_a_value(mention, folded.text, statements):
            continue
        against = next((pair for pair in same if _is_about(pair, mention, text, folded, product)), None)
        if against is None or any(other.fits(against[1].concept) for other in concepts):
            continue
        start, end = folded.span(mention.start, mention.end)
        yield Contradiction(against[0].label, against[0].value, text[start:end], start, end)


def _is_a_value(mention: Mention, folded: str, statements: Sequence[Statement]) -> bool:
    """Whether these very words are what some attribute says, whatever the lists take them for."""
    word = folded[mention.start : mention.end]
    return any(word == fold(each.value).text.strip() for each in statements)


def _is_about(pair: tuple[Statement, Mention], mention: Mention, text: str, folded: Folded, product: Product) -> bool:
    """Whether the text's words speak of the same part of the product as the statement."""
    statement, _ = pair
    family = mention.concept.family
    if family == "colour":
        return statement.label.lower() in _COLOUR_LABELS and _is_colour(mention, folded.text, product)
    if family != "material" or statement.label.lower() in _WHOLE or statement.label == "positiveNotes":
        return True
    start, end = sentence_at(text)(folded.origin[mention.start])
    sentence = text[start:end]
    words = re.findall(r"[a-z]{3,}|[\u4e00-\u9fff]{2,}", fold(statement.label).text)
    return any(word.rstrip("s") in fold(sentence).text for word in words)


def _is_colour(mention: Mention, folded: str, product: Product) -> bool:
    """Red in "a red jacket" or "in red", not in "red wine"."""
    word = folded[mention.start : mention.end]
    if not word.isascii():
        return True
    rest = folded[mention.end : mention.end + 40]
    if _COLOUR_WORD.match(rest) or _COLOUR_BEFORE.search(folded[max(0, mention.start - 24) : mention.start]):
        return True
    nouns = {each.rstrip("s") for each in re.findall(r"[a-z]{3,}", fold(product.name).text)}
    after = re.findall(r"[a-z]+|[^a-z\s-]", rest)[:3]
    return any(each.rstrip("s") in nouns for each in after)


def _unlisted_colours(
    text: str, folded: Folded, statements: Sequence[Statement], product: Product
) -> Iterator[Contradiction]:
    """Red for a product whose colour has a name that no list knows (苔绿, "Driftwood")."""
    own = next((each for each in statements if each.label.lower() in _COLOUR_LABELS), None)
    said = " ".join(fold(each.text).text for each in statements)
    if own is None or _MANY_COLOURS.search(fold(own.value).text) or _colours(said):
        return
    for mention in _colours(folded.text):
        word = folded.text[mention.start : mention.end]
        if word.rstrip("色")[-1:] in own.value or mention.is_negated or not _is_colour(mention, folded.text, product):
            continue
        start, end = folded.span(mention.start, mention.end)
        yield Contradiction(own.label, own.value, text[start:end], start, end)


def _colours(folded: str) -> list[Mention]:
    return [each for each in find_mentions(folded) if each.concept.family == "colour"]


def _negations(text: str, folded: Folded, statements: Sequence[Statement]) -> Iterator[Contradiction]:
    """Waterproof here, not waterproof there."""
    known: dict[str, tuple[bool, Statement]] = {}
    for statement in statements:
        for mention in find_mentions(fold(statement.said).text):
            known.setdefault(mention.concept.key, (mention.is_negated, statement))
    for mention in find_mentions(folded.text):
        if mention.concept.key not in known or mention.concept.kind != "other":
            continue
        is_negated, statement = known[mention.concept.key]
        if is_negated != mention.is_negated:
            start, end = folded.span(mention.start, mention.end)
            yield Contradiction(statement.label, statement.value, text[start:end], start, end)
