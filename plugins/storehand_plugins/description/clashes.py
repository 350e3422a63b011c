"""Facts of a product that can't be true beside its name or each other: none of them is said, and each is named."""

from __future__ import annotations

from storehand.contracts.base import Check
from storehand.contracts.product import Product
from storehand_plugins.checks import Conflict, conflicts
from storehand_plugins.description.rules import check

_FIELDS = ("color", "material", "size", "pattern")
_AUDIENCE = {"audience": "suggested_gender", "age": "suggested_min_age"}


def without_clashes(product: Product, given: Product) -> tuple[Product, list[Check], list[tuple[str, str]]]:
    """The product without the clashing facts, a finding for each clash, and (name, value) of what was taken out.

    The name stays: it is the shop's own. `given` is the product as it came in, whose fields the findings point to.
    """
    found = conflicts(product)
    if not found:
        return product, [], []
    sides = [(each.attribute, each.value) for each in found] + [
        (each.other_attribute, each.other_value) for each in found
    ]
    out = [side for side in dict.fromkeys(sides) if side[0] != "name"]
    return _without(product, out), [_clash(each, given) for each in found], out


def _without(product: Product, out: list[tuple[str, str]]) -> Product:
    update: dict[str, object] = {label: None for label, value in out if getattr(product, label, None) == value}
    update = {label: value for label, value in update.items() if label in _FIELDS}
    named = product.additional_property
    update["additional_property"] = tuple(each for each in named if (each.name, each.value) not in out)
    update["positive_notes"] = tuple(note for note in product.positive_notes if ("positiveNotes", note) not in out)
    if product.audience and (gone := [_AUDIENCE[label] for label, _ in out if label in _AUDIENCE]):
        update["audience"] = product.audience.model_copy(update=dict.fromkeys(gone))
    return product.model_copy(update=update)


def _clash(conflict: Conflict, given: Product) -> Check:
    first, second = (conflict.attribute, conflict.value), (conflict.other_attribute, conflict.other_value)
    label, value = first if second[0] == "name" else second
    fate = "the name stays as it is, the other was not said" if "name" in (first[0], second[0]) else "neither was said"
    return check(
        "conflicting_attribute",
        field=f"input.product.{_place(label, value, given)}",
        span=(0, len(value)),
        text=value,
        basis=f"{first[0]} is {first[1]!r} and {second[0]} is {second[1]!r}: {fate}",
        suggestion="keep what is true",
    )


def _place(label: str, value: str, given: Product) -> str:
    """Where the shop wrote it."""
    for number, note in enumerate(given.positive_notes if label == "positiveNotes" else ()):
        if note == value:
            return f"positiveNotes[{number}]"
    for number, each in enumerate(given.additional_property):
        if (each.name, each.value) == (label, value):
            return f"additionalProperty[{number}].value"
    return "audience" if label in _AUDIENCE else label
