"""A shop's items as its file says them: flat columns, Merchant Center's names, or Product objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storehand.errors import InvalidInput
from storehand_plugins.recommendation.catalogue import Item
from storehand_plugins.recommendation.train.files import Row, read_rows

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sku": ("sku", "item", "id", "item_id", "itemId", "product_id", "productId", "StockCode"),
    "name": ("name", "title", "description", "product_name"),
    "brand": ("brand",),
    "category": ("category", "product_type", "productType", "google_product_category"),
    "price": ("price", "sale_price"),
    "currency": ("priceCurrency", "currency", "price_currency"),
    "availability": ("availability",),
    "language": ("inLanguage", "language", "content_language", "locale"),
    "markets": ("markets", "market", "target_country"),
}
_AVAILABILITY = {
    "instock": "InStock", "outofstock": "OutOfStock", "preorder": "PreOrder", "backorder": "BackOrder",
    "discontinued": "Discontinued", "soldout": "OutOfStock",
}  # fmt: skip
_PRICE = re.compile(r"^(\d{1,12}(?:\.\d+)?)\s*([A-Z]{3})?$")
_OTHERS = (
    "color",
    "material",
    "pattern",
    "size",
    "tags",
    "keywords",
    "positiveNotes",
    "additionalProperty",
    "description",
)
_LONGEST_TEXT = 600


def read_items(path: Path, told: Mapping[str, str]) -> tuple[list[Item], Counter[str]]:
    """Items in the file's order, the last word on each sku; and how many rows were dropped, by reason."""
    found: dict[str, Item] = {}
    dropped: Counter[str] = Counter()
    names: dict[str, str] = {}
    for _, row in read_rows(path):
        offer = row.get("offers")
        flat = {**row, **offer} if isinstance(offer, dict) else row
        names = names or _find_columns(flat, told, path)
        item = _item(flat, names | _find_columns(flat, told, None))
        if item is None:
            dropped["item without a sku"] += 1
            continue
        dropped["item listed twice"] += item.sku in found
        found[item.sku] = item
    if not found:
        raise InvalidInput(f"{path.name} has no items")
    return list(found.values()), +dropped


def _find_columns(row: Row, told: Mapping[str, str], path: Path | None) -> dict[str, str]:
    by_fold = {name.casefold(): name for name in row if isinstance(name, str)}
    found = {part: next((by_fold[each.casefold()] for each in known if each.casefold() in by_fold), "")
             for part, known in COLUMNS.items()}  # fmt: skip
    found |= told
    if path is None:
        return {part: name for part, name in found.items() if name}
    if unknown := [name for part, name in told.items() if name not in row or part not in COLUMNS]:
        raise InvalidInput(f"{path.name} has no column {unknown[0]!r}; it has {', '.join(row)}")
    if not found["sku"]:
        raise InvalidInput(f"{path.name}: no column found for sku; it has {', '.join(row)}")
    return {part: name for part, name in found.items() if name}


def _item(row: Row, names: Mapping[str, str]) -> Item | None:
    said = {part: _text(row.get(name)) for part, name in names.items()}
    if not said.get("sku"):
        return None
    price = _PRICE.match(said.get("price", ""))
    return Item(
        sku=said["sku"],
        name=said.get("name") or None,
        brand=said.get("brand") or None,
        category=said.get("category") or None,
        price=price.group(1) if price else None,
        currency=said.get("currency") or (price.group(2) if price else None) or None,
        availability=_AVAILABILITY.get(
            re.sub(r"[\s_-]|https?://schema.org/", "", said.get("availability", "")).casefold()
        ),
        language=said.get("language") or None,
        markets=tuple(re.findall(r"[A-Z]{2}", said.get("markets", "").upper())),
        text=" ".join(_text(row.get(other)) for other in _OTHERS if other != names.get("name")).strip()[:_LONGEST_TEXT],
    )


def _text(value: Any) -> str:
    """Nested values are read out: a mapping as its names and values, a list as its parts."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, dict):
        return " ".join(
            f"{'' if name in ('name', 'value') else name} {_text(each)}".strip() for name, each in value.items()
        )
    if isinstance(value, list | tuple):
        return (" > " if all(isinstance(each, str) for each in value) and len(value) < 5 else " ").join(
            map(_text, value)
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if isinstance(value, float) and value != value else str(value).strip()
