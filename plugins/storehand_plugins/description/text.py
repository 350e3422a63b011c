"""A written text on its way to a variant, and what the checks say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from storehand.contracts.base import Check
from storehand.contracts.claim import UnsupportedClaim
from storehand.contracts.description import AttributeCheck, DescriptionVariant
from storehand.contracts.product import Product
from storehand_plugins.checks import Wanted, find_facts, unsupported_claims, unsupported_numbers
from storehand_plugins.description.facts import brand_of
from storehand_plugins.description.filling import join
from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Fact, Plan

Field = Literal["title", "description"]
DESCRIPTION_MAX = 5000


@dataclass(frozen=True, slots=True)
class Written:
    """Title and sentences in final words. `is_mended`: the realiser added or the checks took away a sentence."""

    title: str
    sentences: tuple[str, ...]
    written_by: Literal["model", "realiser"]
    is_mended: bool = False


class Reviewer:
    """Checks texts about one product; the same for every variant."""

    def __init__(self, product: Product, plan: Plan) -> None:
        self._plan = plan
        self._sources = [*_sources(product), *(fact.value for fact in plan.facts), plan.name, plan.brand]
        self._wanted = [Wanted(fact.label, (said(fact),)) for fact in plan.facts]
        if brand := brand_of(product):  # also where the name has it, and the plan therefore not
            self._wanted.append(Wanted("brand", (brand,)))

    def variant(self, text: Written) -> DescriptionVariant:
        """The text with its findings."""
        description = join(text.sentences, self._plan)[:DESCRIPTION_MAX]
        attributes = self._attributes(text.title, description)
        stated = sum(each.status == "stated" for each in attributes)
        return DescriptionVariant(
            title=text.title,
            description=description,
            written_by=text.written_by,
            attribute_coverage=stated / len(attributes) if attributes else 1.0,
            attributes=tuple(attributes),
            unsupported_claims=(*self.claims(text.title, "title"), *self.claims(description, "description")),
        )

    def missing(self, title: str, description: str) -> tuple[Fact, ...]:
        """Facts that neither says."""
        found = zip(self._plan.facts, self._attributes(title, description), strict=False)  # the brand has no fact
        return tuple(fact for fact, attribute in found if attribute.status == "missing")

    def claims(self, text: str, field: Field) -> Iterator[UnsupportedClaim]:
        """What the text says and the product does not."""
        for number, kind in unsupported_numbers(text, self._sources):
            start, end = number.start, number.end
            yield UnsupportedClaim(text=text[start:end], field=field, start=start, end=end, kind=kind)
        for claim in unsupported_claims(text, self._sources):
            yield UnsupportedClaim(text=claim.text, field=field, start=claim.start, end=claim.end, kind="other")

    def _attributes(self, title: str, description: str) -> list[AttributeCheck]:
        fields: tuple[tuple[Field, str], ...] = (("description", description), ("title", title))
        spans: list[tuple[Field, list[tuple[int, int] | None]]] = [
            (field, find_facts(text, self._wanted)) for field, text in fields
        ]
        checks = []
        for index, wanted in enumerate(self._wanted):
            name, value = wanted.name, wanted.wordings[0]
            for field, found in spans:
                if (span := found[index]) is not None:
                    start, end = span
                    check = AttributeCheck(name=name, value=value, status="stated", field=field, start=start, end=end)
                    break
            else:
                check = AttributeCheck(name=name, value=value, status="missing")
            checks.append(check)
        return checks


def said(fact: Fact) -> str:
    """The words that state a fact: its value, or the key of something that is not there."""
    return fact.key if fact.kind is FactKind.NOTE else fact.value


def findings(variant: DescriptionVariant, written: Written, *, asked: str, locale: str) -> tuple[Check, ...]:
    """The checks of the chosen variant, in a shop's words. `asked` and `locale`: the language wanted and written."""
    checks = [
        Check(
            rule=f"fact.{'claim' if claim.kind == 'other' else claim.kind}_unsupported",
            severity="warn",
            field=claim.field,
            start=claim.start,
            end=claim.end,
            text=claim.text,
            basis="the input does not say this",
            suggestion="remove it, or add it to the product's attributes",
        )
        for claim in variant.unsupported_claims
    ]
    checks += [
        Check(
            rule="fact.missing", severity="warn", field="description", start=0, end=0, text=each.value, basis=each.name
        )
        for each in variant.attributes
        if each.status == "missing"
    ]
    replaced = f"{asked} was asked for; the model bound to the role `text` can't write it, so this is {locale}"
    realised = "no model text passed the checks; phrases were put together"
    mended = "sentences of the model were removed or facts added after its text"
    notes: tuple[tuple[str, Literal["info", "warn"], str, bool], ...] = (
        ("locale.replaced", "warn", replaced, asked != locale),
        ("text.realised", "info", realised, written.written_by == "realiser"),
        ("text.mended", "info", mended, written.is_mended),
    )
    whole = len(variant.description)
    checks += [
        Check(rule=rule, severity=severity, field="description", start=0, end=whole, text="", basis=basis)
        for rule, severity, basis, holds in notes
        if holds
    ]
    return tuple(checks)


def best(variants: Sequence[DescriptionVariant]) -> int:
    """Best coverage, then fewest unsupported claims, then the first."""
    return max(
        range(len(variants)),
        key=lambda index: (variants[index].attribute_coverage, -len(variants[index].unsupported_claims), -index),
    )


def _sources(product: Product) -> list[str]:
    given = (product.name, product.sku, product.gtin, product.mpn, product.brand, product.category, product.description)
    looks = (product.color, product.material, product.size)
    named = [text for each in product.additional_property for text in (each.name, each.value)]
    return [text for text in (*given, *looks, *named, *product.positive_notes) if text]
