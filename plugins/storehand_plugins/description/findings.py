"""The checks of the chosen variant in a shop's words, and which variant is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storehand.contracts.base import Check
from storehand.contracts.description import AttributeCheck, DescriptionVariant
from storehand_plugins.description.asked_words import says
from storehand_plugins.description.brief import Brief
from storehand_plugins.description.compose import Text
from storehand_plugins.description.languages import SIMPLIFIED, is_traditional
from storehand_plugins.description.rules import check
from storehand_plugins.description.text import fields_of

_MUST_FIELDS = ("title", "description")


def findings(variant: DescriptionVariant, text: Text, brief: Brief, *, locale: str) -> tuple[Check, ...]:
    """All that is worth knowing about this variant and its input; `locale` is the language it is written in."""
    return (
        *_of_claims(variant),
        *_of_attributes(variant, text, brief),
        *_of_words(text, brief),
        *text.notes,
        *_of_style(variant, text, brief, locale),
        *brief.checks,
    )


def best_first(pairs: Sequence[tuple[DescriptionVariant, Text]], brief: Brief) -> list[tuple[DescriptionVariant, Text]]:
    """The variant to use comes first. In this order it has: nothing that must not be published, no contradicted
    attribute, the best attribute coverage, the fewest unsupported claims, every must-mention, the best keyword
    coverage, the length that was asked for, a model's words rather than the realiser's; among equals the first leads.
    """

    def rank(pair: tuple[DescriptionVariant, Text]) -> tuple[float, ...]:
        variant, text = pair
        return (
            sum(each.severity == "block" for each in (*_of_words(text, brief), *text.notes)),
            sum(each.status == "contradicted" for each in variant.attributes),
            -variant.attribute_coverage,
            len(variant.unsupported_claims),
            len(list(_of_musts(variant, brief))),
            -variant.keyword_coverage,
            sum(each.rule.startswith("length.") for each in text.notes),
            variant.written_by != "model",
        )

    return sorted(pairs, key=rank) if len(pairs) > 1 else list(pairs)


def alike(variants: Sequence[DescriptionVariant]) -> tuple[Check, ...]:
    """Said where two variants came out the same."""
    return () if len({each.description for each in variants}) == len(variants) else (check("variants.alike"),)


def _of_claims(variant: DescriptionVariant) -> Iterator[Check]:
    for claim in variant.unsupported_claims:
        yield check(
            f"fact.{'claim' if claim.kind == 'other' else claim.kind}_unsupported",
            field=claim.field,
            span=(claim.start, claim.end),
            text=claim.text,
            suggestion="remove it, or add it to the product's attributes",
        )


def _of_attributes(variant: DescriptionVariant, text: Text, brief: Brief) -> Iterator[Check]:
    short = {(fact.label, fact.value) for fact in text.left_out}
    if brief.input.length is not None:
        short.add(("brand", brief.plan.brand))  # it has no fact of its own, and goes with a long opener
    out = {(fact.label, fact.value) for fact in (*brief.left_out, *brief.dropped)}  # they have findings of their own
    foreign = {(fact.label, fact.value) for fact in brief.foreign}
    for each in variant.attributes:
        if each.status == "contradicted":
            yield check(
                "fact.contradicted",
                field=each.field or "description",
                span=(each.start or 0, each.end or 0),
                text=each.found or "",
                basis=f"{each.name} is {each.value}",
                suggestion=each.value,
            )
        elif each.status == "missing" and (each.name, each.value) in foreign:
            yield _in_another_language(each, brief)
        elif each.status == "missing" and (each.name, each.value) not in out:
            rule = "fact.left_out" if (each.name, each.value) in short else "fact.missing"
            yield check(rule, text=each.value, basis=each.name)
    yield from _of_musts(variant, brief)


def _in_another_language(attribute: AttributeCheck, brief: Brief) -> Check:
    return check(
        "fact.other_language",
        field="input.product",
        text=attribute.value,
        basis=f"{attribute.name} is not in the language of the text ({brief.language}), and was left out",
        suggestion="send the product in the language of the text, or bind an instruction model to the role `text`",
    )


def _of_musts(variant: DescriptionVariant, brief: Brief) -> Iterator[Check]:
    if not brief.must:
        return
    told = {(each.name, each.value) for each in variant.attributes if each.field in _MUST_FIELDS}
    for name, value in brief.must:
        if (name, value) not in told:
            yield check("must_mention.missing", text=value, basis=f"{name} had to be mentioned")


def _of_words(text: Text, brief: Brief) -> Iterator[Check]:
    fields = fields_of(text) if brief.forbidden or brief.keywords else []
    for field, words in fields if brief.forbidden else ():
        for span in brief.forbidden.spans(words):
            yield check(
                "forbidden.word",
                field=field,
                span=text.description.span(span.start, span.end) if field == "description" else (span.start, span.end),
                text=span.text,
                suggestion="rename the product, or take the word off the list",
            )
    for keyword in brief.keywords:
        if not any(says(keyword, words) for _, words in fields):
            yield check("keyword.missing", text=keyword)


def _of_style(variant: DescriptionVariant, text: Text, brief: Brief, locale: str) -> Iterator[Check]:
    given = brief.input
    whole = (0, len(variant.description))
    by_chat = text.written.follows_style
    for name, value in (("brandVoice", given.brand_voice), ("audience", given.audience)):
        if value and not by_chat:
            yield check("style.not_applied", field=f"input.{name}", span=(0, len(value)), text=value[:80])
    if given.style_examples and not by_chat:
        yield check("style.not_applied", field="input.styleExamples")
    if locale == SIMPLIFIED and is_traditional(brief.asked):
        yield check("locale.script", span=whole, basis=f"{brief.asked} was asked for; this is {locale}")
    elif brief.asked != locale:
        replaced = (
            f"{brief.asked} was asked for; the model bound to the role `text` can't write it, so this is {locale}"
        )
        yield check("locale.replaced", span=whole, basis=replaced)
    if text.written.written_by == "realiser":
        yield check("text.realised", span=whole)
    elif text.written.is_mended:
        yield check("text.mended", span=whole)
