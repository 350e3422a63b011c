"""A product, in schema.org's words. Merchant Center's names are for import and export, see `storehand bulk`."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, field_validator, model_validator

from storehand.contracts.base import Locale, Model, ShortText, Text, refused_as

_SEPARATORS = re.compile(r"[,，、;；]\s*")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def _check_digit(gtin: str) -> str:
    """GS1 General Specifications 7.9: weights 3 and 1 from the right, the sum a multiple of ten."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(gtin)))
    if total % 10:
        raise ValueError("the last digit does not fit the others: one of them is mistyped")
    return gtin


def _price_text(value: Any) -> Any:
    """Numbers are taken as they print: 19.9 is "19.9"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return format(Decimal(str(value)), "f") if math.isfinite(value) else str(value)
    return value


Gtin = Annotated[
    str,
    Field(pattern=r"^(\d{8}|\d{12,14})$"),
    refused_as("must be 8, 12, 13 or 14 digits"),
    AfterValidator(_check_digit),
]
Price = Annotated[
    str,
    Field(pattern=r"^\d{1,12}(\.\d{1,4})?$"),
    refused_as("must be a decimal number such as 199 or 19.90"),
    BeforeValidator(_price_text),
]
"""A decimal string, as schema.org wants it: no sign, no separators; the currency stands beside it."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), refused_as("must be an ISO 4217 code such as CNY or USD")]


class Offer(Model):
    """What the product costs (schema.org Offer)."""

    price: Price
    price_currency: Currency
    availability: Literal["InStock", "OutOfStock", "PreOrder", "BackOrder", "Discontinued"] | None = None
    price_valid_until: AwareDatetime | None = None


class Audience(Model):
    """Whom the product is made for (schema.org PeopleAudience; Merchant Center gender, age_group). Ages in years."""

    suggested_gender: Literal["female", "male", "unisex"] | None = None
    suggested_min_age: Annotated[float, Field(ge=0, le=120)] | None = None
    suggested_max_age: Annotated[float, Field(ge=0, le=120)] | None = None


class PropertyValue(Model):
    """One named attribute (schema.org PropertyValue). Numbers and booleans are kept as the shop wrote them."""

    name: ShortText
    value: ShortText
    unit_code: Annotated[str, Field(max_length=10)] | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and not math.isfinite(value):  # an empty cell of a table, not a fact
            raise ValueError("is no number; leave an attribute without a value out")
        return str(value) if isinstance(value, int | float) else value


class Product(Model):
    """What is for sale.

    `positive_notes` are highlights without a name of their own ("5G", "Night mode"); named facts go into
    `additional_property`, as a list of PropertyValue or simply as a mapping. A product may also be given as one
    line: `"Kettle, 1.7 L, stainless steel"` is a name followed by highlights, in English or Chinese punctuation.
    `category` is the shop's own path; a list of its steps is joined with " > ".
    """

    name: ShortText
    sku: ShortText | None = None
    gtin: Gtin | None = None
    mpn: ShortText | None = None
    brand: ShortText | None = None
    category: ShortText | None = None
    google_product_category: ShortText | None = None
    item_group_id: ShortText | None = None
    color: ShortText | None = None
    material: ShortText | None = None
    pattern: ShortText | None = None
    size: ShortText | None = None
    audience: Audience | None = None
    offers: Offer | None = None
    additional_property: Annotated[tuple[PropertyValue, ...], Field(max_length=100)] = ()
    positive_notes: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    description: Text | None = None
    in_language: Locale | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        parts = [part.strip(" 。.\t\n") for part in _SEPARATORS.split(data.strip())]
        parts = [part for part in parts if part]
        return {"name": parts[0] if parts else "", "positive_notes": parts[1:]}

    @field_validator("additional_property", mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return [{"name": name, "value": each} for name, each in value.items()]
        return value

    @field_validator("category", mode="before")
    @classmethod
    def _path(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and value and all(isinstance(step, str) for step in value):
            return " > ".join(step.strip() for step in value)
        return value

    @property
    def language(self) -> str:
        """`zh` or `en`: as stated, else by the script of the name and the facts."""
        if self.in_language:
            return self.in_language.split("-")[0].lower()
        words = " ".join([self.name, *self.positive_notes, *(p.value for p in self.additional_property)])
        return "zh" if _HAN.search(words) else "en"
