"""What the checks say of a finished text: attributes stated or not, claims that nothing supports, keywords."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from storehand.contracts.claim import UnsupportedClaim
from storehand.contracts.description import AttributeCheck, DescriptionVariant
from storehand.contracts.product import Product
from storehand_plugins.checks import (
    Contradiction,
    Wanted,
    find_contradictions,
    find_facts,
    fold,
    unsupported_claims,
    unsupported_numbers,
)
from storehand_plugins.description.asked_words import says
from storehand_plugins.description.brief import Brief
from storehand_plugins.description.compose import Text
from storehand_plugins.description.facts import brand_of
from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Fact

Found = TypeVar("Found", AttributeCheck, UnsupportedClaim)


class Reviewer:
    """Checks texts about one product; the same for every variant."""

    def __init__(self, brief: Brief) -> None:
        plan, product = brief.plan, brief.product
        self._brief = brief
        self._product = _in_years(product)
        facts = (*plan.facts, *brief.left_out, *brief.foreign)
        self._sources = [*_sources(product), *(fact.value for fact in facts), plan.name, plan.brand]
        self._wanted = [Wanted(fact.label, (said(fact),)) for fact in facts]
        if brand := brand_of(product):  # also where the name has it, and the plan therefore not
            self._wanted.append(Wanted("brand", (brand,)))

    def variant(self, text: Text) -> DescriptionVariant:
        """The text with its findings."""
        fields = fields_of(text)
        attributes = self._attributes(fields, is_free=text.written.is_free)
        claims = [claim for field, words in fields for claim in self.claims(words, field)]
        if text.description.origin is not None:
            attributes = [_moved(each, text) for each in attributes]
            claims = [_moved(each, text) for each in claims]
        stated = sum(each.status == "stated" for each in attributes)
        return DescriptionVariant(
            title=text.title,
            description=text.description.text,
            written_by=text.written.written_by,
            attribute_coverage=stated / len(attributes) if attributes else 1.0,
            keyword_coverage=self._keyword_coverage(fields),
            attributes=tuple(attributes),
            unsupported_claims=tuple(claims),
            personalised_on=self._brief.personalised_on,
            **text.fields,  # pyright: ignore[reportArgumentType]  # each field has its own type
        )

    def missing(self, title: str, description: str) -> tuple[Fact, ...]:
        """Facts that neither says."""
        found = find_facts(f"{description}\n{title}", self._wanted[: len(self._brief.plan.facts)])
        return tuple(fact for fact, span in zip(self._brief.plan.facts, found, strict=True) if span is None)

    def stated(self, text: str) -> tuple[Fact, ...]:
        """Facts that this text says."""
        found = find_facts(text, self._wanted[: len(self._brief.plan.facts)])
        return tuple(fact for fact, span in zip(self._brief.plan.facts, found, strict=True) if span is not None)

    def claims(self, text: str, field: str) -> Iterator[UnsupportedClaim]:
        """What the text says and the product does not."""
        for number, kind in unsupported_numbers(text, self._sources):
            start, end = number.start, number.end
            yield UnsupportedClaim(text=text[start:end], field=field, start=start, end=end, kind=kind)
        for claim in unsupported_claims(text, self._sources):
            yield UnsupportedClaim(text=claim.text, field=field, start=claim.start, end=claim.end, kind=claim.kind)

    def invents(self, text: str) -> bool:
        """Whether it says something that the product refutes or does not say; an unknown name alone is only flagged."""
        if any(claim.kind != "other" for claim in self.claims(text, "description")):
            return True
        return bool(self._contradictions(text))

    def _contradictions(self, text: str) -> list[Contradiction]:
        """Those whose words are not the attribute's own."""
        found = find_contradictions(text, self._product)
        return [each for each in found if fold(each.found).squashed().text not in fold(each.value).squashed().text]

    def _keyword_coverage(self, fields: Sequence[tuple[str, str]]) -> float:
        keywords = self._brief.input.keywords
        if not keywords:
            return 1.0
        return sum(any(says(each, text) for _, text in fields) for each in keywords) / len(keywords)

    def _attributes(self, fields: Sequence[tuple[str, str]], *, is_free: bool) -> list[AttributeCheck]:
        refuted = {
            (each.attribute, each.value): (field, each)
            for field, text in (reversed(fields) if is_free else ())  # phrases claim nothing, values are the input's
            for each in reversed(self._contradictions(text))
        }
        spans = [(field, find_facts(text, self._wanted)) for field, text in fields]
        checks = []
        for index, wanted in enumerate(self._wanted):
            name, value = wanted.name, wanted.wordings[0]
            wrong = refuted.pop((name, value), None)
            field, found = next(((field, each[index]) for field, each in spans if each[index]), ("", None))
            if wrong is not None:
                where, each = wrong
                check = AttributeCheck(
                    name=name,
                    value=value,
                    status="contradicted",
                    field=where,
                    start=each.start,
                    end=each.end,
                    found=each.found,
                )
            elif found is not None:
                check = AttributeCheck(
                    name=name, value=value, status="stated", field=field, start=found[0], end=found[1]
                )
            else:
                check = AttributeCheck(name=name, value=value, status="missing")
            checks.append(check)
        return (
            checks
            + [
                AttributeCheck(
                    name=name,
                    value=value,
                    status="contradicted",
                    field=field,
                    start=each.start,
                    end=each.end,
                    found=each.found,
                )
                for (name, value), (field, each) in refuted.items()
            ]
            + [AttributeCheck(name=fact.label, value=fact.value, status="missing") for fact in self._brief.dropped]
        )


def said(fact: Fact) -> str:
    """The words that state a fact: its value, or the key of something that is not there."""
    return fact.key if fact.kind is FactKind.NOTE else fact.value


def fields_of(text: Text) -> list[tuple[str, str]]:
    """Every field with the words that a reader sees, the description first."""
    fields = [("description", text.description.visible), ("title", text.title)]
    for field, value in text.fields.items():
        if isinstance(value, str):
            fields.append((field, value))
        else:
            fields += [(f"{field}[{number}]", each) for number, each in enumerate(value)]
    return fields


def _moved(found: Found, text: Text) -> Found:
    """With offsets into the description's markup."""
    if found.field != "description" or found.start is None or found.end is None:
        return found
    start, end = text.description.span(found.start, found.end)
    return found.model_copy(update={"start": start, "end": end})


def _in_years(product: Product) -> Product:
    """A baby's age is told in months, which a comparison with years would take for another age."""
    ages = product.audience and (product.audience.suggested_min_age, product.audience.suggested_max_age)
    if ages and any(age is not None and age < 2 for age in ages):
        return product.model_copy(update={"audience": None})
    return product


def _sources(product: Product) -> list[str]:
    given = (product.name, product.sku, product.gtin, product.mpn, product.brand, product.category, product.description)
    looks = (product.color, product.material, product.size, product.pattern)
    named = [text for each in product.additional_property for text in (each.name, each.value)]
    return [text for text in (*given, *looks, *named, *product.positive_notes) if text]
