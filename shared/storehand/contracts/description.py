"""The contract of `description`: a product's facts in, text variants with their checks out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from storehand.contracts.base import (
    Check,
    Generation,
    Locale,
    Markets,
    Model,
    Provenance,
    ShortText,
    TaskInput,
    TaskOutput,
    Text,
    Usage,
)
from storehand.contracts.claim import UnsupportedClaim
from storehand.contracts.product import Product
from storehand.contracts.user import User

DescriptionField = Literal["title", "description", "bullets", "seo_title", "meta_description", "alt_text"]
Tone = Literal["neutral", "warm", "lively", "professional", "minimal"]


class Length(Model):
    """Bounds of the description: characters, or words (a Chinese character counts as a word)."""

    unit: Literal["chars", "words"] = "chars"
    min: Annotated[int, Field(ge=0, le=5000)] | None = None
    max: Annotated[int, Field(ge=20, le=5000)]

    @model_validator(mode="after")
    def _in_order(self) -> Length:
        if self.min is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is over max {self.max}")
        return self


class AttributeCheck(Model):
    """What the text does with an attribute. `start`/`end` are offsets into `field`; none when it is missing.

    `contradicted`: the text says `found` where the input says `value`.
    """

    name: str
    value: str
    status: Literal["stated", "missing", "contradicted"]
    field: str | None = None
    start: int | None = None
    end: int | None = None
    found: str | None = None


class DescriptionVariant(Model):
    """One wording with what was checked about it.

    `attribute_coverage` is stated / all attributes, `keyword_coverage` likewise; both 1.0 if there are none. Bullets,
    SEO title, meta description and alt text are there when `fields` asked for them. In offsets `bullets[2]` names the
    third bullet. `personalised_on` lists the preferences and recent items that changed the text.
    """

    title: str
    description: str
    bullets: tuple[str, ...] | None = None
    seo_title: str | None = None
    meta_description: str | None = None
    alt_text: str | None = None
    written_by: Literal["model", "realiser"]
    attribute_coverage: Annotated[float, Field(ge=0, le=1)]
    keyword_coverage: Annotated[float, Field(ge=0, le=1)] = 1.0
    attributes: tuple[AttributeCheck, ...] = ()
    unsupported_claims: tuple[UnsupportedClaim, ...] = ()
    personalised_on: tuple[str, ...] = ()


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
    """Describe a product in its language. `locale` overrides what the product's text looks like.

    `must_mention` names attributes, `keywords` words that should be in the text, `forbidden_words` those that must not.
    `brand_voice` and `style_examples` tell an instruct model how the shop speaks. `format` is the description's own.
    """

    product: Product
    locale: Locale | None = None
    market: Markets = ()
    fields: Annotated[tuple[DescriptionField, ...], Field(min_length=1, max_length=6)] = ("title", "description")
    format: Literal["paragraph", "bullets", "html"] = "paragraph"
    tone: Tone = "neutral"
    audience: ShortText | None = None
    brand_voice: Text | None = None
    style_examples: Annotated[tuple[Text, ...], Field(max_length=5)] = ()
    length: Length | None = None
    keywords: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    forbidden_words: Annotated[tuple[ShortText, ...], Field(max_length=500)] = ()
    must_mention: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    user: User | None = None
    n_variants: Annotated[int, Field(ge=1, le=8)] = 1
    generation: Generation | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Short for `generation.seed`, which wins."""
