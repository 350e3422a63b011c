"""What a text says of an attribute that the product states otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.checks.hidden import fold_visible

_METALS = "copper|steel|aluminium|brass|iron|铜|不锈钢|铝"
_COATS = "uncoated|coated|无涂层|有涂层"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The product's `attribute` is `value`; the original text says `found` at `start` to `end`."""

    attribute: str
    value: str
    found: str
    start: int
    end: int


def find_contradictions(text: str, product: Product) -> list[Contradiction]:
    """Attributes of the product that the text states with another value of the same kind, in order."""
    named = [(each.name, each.value) for each in product.additional_property]
    given = [("material", product.material or ""), ("name", product.name), *named]
    given += [("positiveNotes", note) for note in product.positive_notes]
    folded = fold_visible(text)
    found = []
    for words in (_METALS, _COATS):
        pattern = re.compile(rf"(?<![a-z])(?:{words})(?![a-z])")
        known = {m.group(): label for label, value in given for m in pattern.finditer(value.lower())}
        said = list(pattern.finditer(folded.text))
        if known and said and not any(match.group() in known for match in said):
            value, label = next(iter(known.items()))
            for match in said:
                start, end = folded.span(*match.span())
                found.append(Contradiction(label, value, text[start:end], start, end))
    return sorted(found, key=lambda each: each.start)
