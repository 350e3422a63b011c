"""The contract of `copy`: products, a campaign and a channel in, marketing copy in that channel's parts out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

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
from storehand.contracts.description import Tone
from storehand.contracts.product import Currency, Price, Product
from storehand.contracts.user import User

Channel = Literal["email", "sms", "push", "ad_search", "social", "wechat", "xiaohongshu", "livestream", "article"]
Component = Literal["subject", "preheader", "headline", "body", "cta", "hashtags"]
OfferField = Literal["value", "price", "min_spend", "gift", "code", "starts_at", "ends_at", "terms"]
PersonalisationToken = Annotated[str, StringConstraints(pattern=r"^[^\s]{2,64}$")]
CHANNEL_COMPONENTS: dict[Channel, tuple[Component, ...]] = {
    "email": ("subject", "preheader", "body", "cta"),
    "sms": ("body",),
    "push": ("headline", "body"),
    "ad_search": ("headline", "body"),
    "social": ("body", "hashtags"),
    "wechat": ("headline", "preheader", "body", "cta"),
    "xiaohongshu": ("headline", "body", "hashtags"),
    "livestream": ("headline", "body", "cta"),
    "article": ("headline", "preheader", "body", "cta"),
}
"""What is written for a channel when `components` names nothing."""


class CampaignOffer(Model):
    """What the shop grants. These values are copied into the text, never written by a model.

    `value`: 20 with `percent_off` is 20 % off (8折); an amount of `currency` with `amount_off` and `price`.
    `gift` names the gift. `min_spend` is the order value it needs. `code` is what the shopper types. Times have a zone
    and are printed as the market writes dates.
    """

    type: Literal["percent_off", "amount_off", "price", "gift", "free_shipping", "bundle"]
    value: Price | None = None
    currency: Currency | None = None
    min_spend: Price | None = None
    gift: ShortText | None = None
    code: ShortText | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    terms: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> CampaignOffer:
        if self.type in ("percent_off", "amount_off", "price") and self.value is None:
            raise ValueError(f"{self.type} needs a value")
        if self.type == "percent_off" and self.value is not None and not 0 < float(self.value) < 100:
            raise ValueError(f"percent_off must lie between 0 and 100, not at {self.value}")
        if self.type in ("amount_off", "price") and self.currency is None:
            raise ValueError(f"{self.type} needs a currency")
        if self.min_spend is not None and self.currency is None:
            raise ValueError("min_spend needs a currency")
        if self.type == "gift" and self.gift is None:
            raise ValueError("gift needs the gift's name")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("the offer ends before it starts")
        return self


class Campaign(Model):
    """Why the shop writes, and to whom."""

    name: ShortText
    goal: Literal["launch", "sale", "restock", "winback", "event", "loyalty", "awareness"] = "sale"
    offer: CampaignOffer | None = None
    segment: ShortText | None = None


class OfferFact(Model):
    """Whether the text says a value of the offer, and says it right."""

    field: OfferField
    value: str
    stated: bool
    correct: bool
    component: Component | None = None
    start: int | None = None
    end: int | None = None


class CopyVariant(Model):
    """One set of components. `angle` names the idea it starts from, `char_counts` counts Unicode characters of each
    component with tokens as they stand; `tokens_ok`: every personalisation token asked for is there, whole and once."""

    components: dict[Component, str]
    char_counts: dict[Component, int]
    angle: str
    written_by: Literal["model", "realiser"]
    tokens_ok: bool
    offer_facts: tuple[OfferFact, ...] = ()
    unsupported_claims: tuple[UnsupportedClaim, ...] = ()
    personalised_on: tuple[str, ...] = ()


class CopyOutput(TaskOutput):
    """`variants[chosen]` is the one to use. `distinctness` is 1 minus the mean share of character 3-grams that two
    variants have in common (Jaccard), 1.0 with one variant."""

    locale: Locale
    channel: Channel
    variants: Annotated[tuple[CopyVariant, ...], Field(min_length=1)]
    chosen: Annotated[int, Field(ge=0)]
    distinctness: Annotated[float, Field(ge=0, le=1)]
    checks: tuple[Check, ...] = ()
    provenance: Provenance
    usage: Usage

    @property
    def best(self) -> CopyVariant:
        return self.variants[self.chosen]


class CopyInput(TaskInput[CopyOutput], task="copy"):
    """Write marketing copy. `components` and `max_chars` default to what the channel has and allows.

    `tokens` are the personalisation tokens of the shop's mailer (`{{first_name}}`, `%NAME%`): each comes back whole,
    but no reader's name in what everybody reads (ad_search, social, xiaohongshu, livestream, article).
    `sender` is the shop that signs letters and SMS; without it nobody's brand does.
    `trend_notes` are facts about the market that the shop stands for.
    """

    products: Annotated[tuple[Product, ...], Field(min_length=1, max_length=20)]
    campaign: Campaign
    channel: Channel
    locale: Locale | None = None
    market: Markets = ()
    sender: ShortText | None = None
    components: Annotated[tuple[Component, ...], Field(max_length=6)] = ()
    max_chars: dict[Component, Annotated[int, Field(ge=5, le=20_000)]] = Field(default_factory=dict)
    tokens: Annotated[tuple[PersonalisationToken, ...], Field(max_length=10)] = ()
    tone: Tone = "warm"
    brand_voice: Text | None = None
    keywords: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()
    forbidden_words: Annotated[tuple[ShortText, ...], Field(max_length=500)] = ()
    trend_notes: Annotated[tuple[ShortText, ...], Field(max_length=10)] = ()
    user: User | None = None
    n_variants: Annotated[int, Field(ge=1, le=8)] = 3
    generation: Generation | None = None
