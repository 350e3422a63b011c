"""What the products themselves say."""

from __future__ import annotations

from storehand.contracts.copy import CopyInput


def product_sources(given: CopyInput) -> list[str]:
    """Every text of the products that a claim may rest on."""
    found: list[str | None] = []
    for product in given.products:
        found += [product.name, product.brand, product.category, product.description, product.color, product.material]
        found += [product.pattern, product.size, product.sku, *product.positive_notes]
        found += [text for each in product.additional_property for text in (each.name, each.value)]
        if product.offers:
            found.append(product.offers.price)
    return list(dict.fromkeys(text for text in found if text))
