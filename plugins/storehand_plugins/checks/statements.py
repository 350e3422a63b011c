"""What a product says of itself, one statement for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storehand.contracts.product import Audience, Product

_YES = frozenset(("true", "yes", "y", "是", "有", "支持"))
_NO = frozenset(("false", "no", "n", "none", "否", "无", "没有", "不支持", "不是", "0"))
_SEXES = {
    **dict.fromkeys(("female", "women", "woman", "womens", "女", "女士", "女性"), "female"),
    **dict.fromkeys(("male", "men", "man", "mens", "男", "男士", "男性"), "male"),
}
_GENDERS = {"female": "women's, 女士", "male": "men's, 男士", "unisex": "men's, women's, 男士, 女士"}


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` holds the label where it belongs to the statement; `value` is what the shop wrote."""

    label: str
    value: str
    text: str

    @property
    def said(self) -> str:
        """Also the other way round: "roast: dark" is a dark roast, 烘焙度: 中度 is 中度烘焙."""
        if not self.text.startswith(f"{self.label}: "):
            return self.text
        space = " " if self.label.isascii() else ""
        return f"{self.text}; {self.value}{space}{self.label}"


def statements_of(product: Product) -> list[Statement]:
    """Its fields and attributes, the most telling first; the current description is not among them.

    An attribute that says no ("waterproof": false) becomes the statement "not waterproof".
    """
    return list(_statements(product))


def sources_of(product: Product) -> list[str]:
    """Everything a text about the product may rest on."""
    told = [statement.said for statement in statements_of(product)]
    return [*told, product.description] if product.description else told


def _statements(product: Product) -> Iterator[Statement]:
    fields = (
        ("material", product.material),
        ("color", product.color),
        ("size", product.size),
        ("pattern", product.pattern),
        ("name", product.name),
        ("brand", product.brand),
        ("category", product.category),
        ("sku", product.sku),
        ("gtin", product.gtin),
        ("mpn", product.mpn),
    )
    for each in product.additional_property:
        yield Statement(each.name, each.value, _told(each.name, each.value))
    for label, value in fields:
        if value:
            yield Statement(label, value, value)
    for note in product.positive_notes:
        yield Statement("positiveNotes", note, note)
    if product.offers:
        price = f"{product.offers.price} {product.offers.price_currency}"
        yield Statement("price", price, price)
    if product.audience:
        yield from _audience(product.audience)


def _told(name: str, value: str) -> str:
    if value.strip().lower() in _YES:
        return name
    if value.strip().lower() in _NO:
        return f"not {name}" if name.isascii() else f"不{name}"
    if name.strip().lower() in ("gender", "suggested gender", "性别", "适用性别", "适用人群"):
        value = f"{value}; {_GENDERS.get(_SEXES.get(value.strip().lower(), ''), '')}"
    return f"{name}: {value}"


def _audience(audience: Audience) -> Iterator[Statement]:
    if audience.suggested_gender:
        yield Statement("audience", audience.suggested_gender, _GENDERS[audience.suggested_gender])
    low, high = audience.suggested_min_age, audience.suggested_max_age
    if low is not None or high is not None:
        ages = " - ".join(f"{age:g}" for age in (low, high) if age is not None)
        whom = "children, 儿童" if high is not None and high <= 15 else "adults, 成人" if (low or 0) >= 16 else ""
        yield Statement("age", ages, f"{ages} years {whom}")
