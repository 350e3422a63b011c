"""All that a text says wrongly of a product, from every check of facts, each place once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storehand.contracts.claim import ClaimKind
from storehand.contracts.product import Product
from storehand_plugins.checks.claims import unsupported_claims
from storehand_plugins.checks.contradictions import Contradiction, find_contradictions
from storehand_plugins.checks.numbers import unsupported_numbers
from storehand_plugins.checks.statements import sources_of


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` of the text. A contradiction also says which attribute has which value instead."""

    start: int
    end: int
    text: str
    kind: ClaimKind
    attribute: str = ""
    value: str = ""

    @property
    def is_contradiction(self) -> bool:
        return bool(self.attribute)


def findings(text: str, product: Product, *, allowed: Iterable[str] = ()) -> list[Finding]:
    """Numbers and claims that the product does not support and statements it contradicts, by place, none overlapping.

    `allowed` are further texts that may be quoted: an offer's price and code, a shopper's own words. What they say
    contradicts nothing.
    """
    more = tuple(allowed)
    sources = [*sources_of(product), *more]
    found = [Finding(c.start, c.end, c.text, c.kind) for c in unsupported_claims(text, sources)]
    for number, kind in unsupported_numbers(text, sources):
        start, end = number.start, number.end
        found.append(Finding(start, end, text[start:end], kind))
    claimed: dict[int, ClaimKind] = {
        place: each.kind for each in reversed(found) for place in range(each.start, each.end)
    }
    wrong = [_contradicted(each, claimed) for each in find_contradictions(text, product)]
    if more:
        wrong = [each for each in wrong if any(place in claimed for place in range(each.start, each.end))]
    kept: list[Finding] = []
    taken = bytearray(len(text))
    for each in sorted((*wrong, *found), key=lambda each: (not each.is_contradiction, each.start - each.end)):
        if not any(taken[each.start : each.end]):
            taken[each.start : each.end] = b"1" * (each.end - each.start)
            kept.append(each)
    return sorted(kept, key=lambda each: each.start)


def _contradicted(wrong: Contradiction, claimed: Mapping[int, ClaimKind]) -> Finding:
    """With the kind of the claim in the same place."""
    for place in range(wrong.start, wrong.end):
        if place in claimed:
            return Finding(wrong.start, wrong.end, wrong.found, claimed[place], wrong.attribute, wrong.value)
    return Finding(wrong.start, wrong.end, wrong.found, "other", wrong.attribute, wrong.value)
