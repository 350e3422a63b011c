"""The contract of `description`: a product's facts in, title and description variants with their checks out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from storehand.contracts.base import Check, Locale, Model, Provenance, TaskInput, TaskOutput, Usage
from storehand.contracts.product import Product


class AttributeCheck(Model):
    """Where the text says an attribute. `start`/`end` are offsets into `field`; none when it is missing."""

    name: str
    value: str
    status: Literal["stated", "missing"]
    field: Literal["title", "description"] | None = None
    start: int | None = None
    end: int | None = None


class UnsupportedClaim(Model):
    """A piece of text that the input does not support."""

    text: str
    field: Literal["title", "description"]
    start: int
    end: int
    kind: Literal["number", "unit", "other"]


class DescriptionVariant(Model):
    """One wording with what was checked about it. `attribute_coverage` is stated / all attributes, 1.0 if none."""

    title: str
    description: str
    written_by: Literal["model", "realiser"]
    attribute_coverage: Annotated[float, Field(ge=0, le=1)]
    attributes: tuple[AttributeCheck, ...] = ()
    unsupported_claims: tuple[UnsupportedClaim, ...] = ()


class DescriptionOutput(TaskOutput):
    """`variants[chosen]` is the one to use; `locale` is the language it is written in."""

    locale: Locale
    variants: Annotated[tuple[DescriptionVariant, ...], Field(min_length=1)]
    chosen: Annotated[int, Field(ge=0)]
    checks: tuple[Check, ...] = ()
    provenance: Provenance
    usage: Usage

    @property
    def best(self) -> DescriptionVariant:
        return self.variants[self.chosen]


class DescriptionInput(TaskInput[DescriptionOutput], task="description"):
    """Describe a product in its language. `locale` overrides what the product's text looks like."""

    product: Product
    locale: Locale | None = None
    tone: Literal["neutral", "warm", "lively", "professional", "minimal"] = "neutral"
    n_variants: Annotated[int, Field(ge=1, le=8)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Same seed, same text. Default: derived from the job id, so that a redelivered job repeats itself."""
