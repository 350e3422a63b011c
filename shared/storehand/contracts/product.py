"""A product, in schema.org's words."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from storehand.contracts.base import Locale, Model, ShortText, Text, refused_as

_SEPARATORS = re.compile(r"[,，、;；]\s*")
_HAN = re.compile(r"[\u4e00-\u9fff]")

Gtin = Annotated[str, Field(pattern=r"^(\d{8}|\d{12,14})$"), refused_as("must be 8, 12, 13 or 14 digits")]


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
    """

    name: ShortText
    sku: ShortText | None = None
    gtin: Annotated[str, Field(pattern=r"^(\d{8}|\d{12,14})$"), refused_as("must be 8, 12, 13 or 14 digits")] | None = (
        None
    )
    mpn: ShortText | None = None
    brand: ShortText | None = None
    category: ShortText | None = None
    color: ShortText | None = None
    material: ShortText | None = None
    size: ShortText | None = None
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

    @property
    def language(self) -> str:
        """`zh` or `en`: as stated, else by the script of the name and the facts."""
        if self.in_language:
            return self.in_language.split("-")[0].lower()
        words = " ".join([self.name, *self.positive_notes, *(p.value for p in self.additional_property)])
        return "zh" if _HAN.search(words) else "en"
