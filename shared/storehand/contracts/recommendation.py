"""The contract of `recommendation`: a shopper's events or one item in, ranked items with their reasons out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from storehand.contracts.base import (
    Check,
    Locale,
    Markets,
    Model,
    Provenance,
    ShortText,
    TaskInput,
    TaskOutput,
    Usage,
)
from storehand.contracts.product import Price

EventType = Literal["view", "cart", "purchase", "search", "review"]
Source = Literal["sequence", "similar", "content", "popular", "pinned"]


class UserEvent(Model):
    """What a shopper did. A `search` has a `query`, every other event an item; `ts` is when it happened."""

    type: EventType
    sku: ShortText | None = None
    query: ShortText | None = None
    ts: AwareDatetime | None = None
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    @model_validator(mode="after")
    def _complete(self) -> UserEvent:
        if self.type == "search" and self.query is None:
            raise ValueError("a search needs its query")
        if self.type != "search" and self.sku is None:
            raise ValueError(f"a {self.type} needs a sku")
        return self


class ItemFilter(Model):
    """Which items may come back. A category is a path (`Kitchen > Kettles`, all below it passes) or one of its steps
    (`Kettles`). Prices are in the catalogue's currency; an item without a price passes no bound."""

    in_stock: bool = True
    categories: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    brands: Annotated[tuple[ShortText, ...], Field(max_length=100)] = ()
    price_min: Price | None = None
    price_max: Price | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ItemFilter:
        if self.price_min and self.price_max and float(self.price_min) > float(self.price_max):
            raise ValueError(f"priceMin {self.price_min} is over priceMax {self.price_max}")
        return self


class BusinessRules(Model):
    """`pin` comes first, in this order, where `exclude`, filter and market let it and the shopper does not have it (see
    `seen`); `cap_per_brand` and `cap_per_category` limit how many items of one brand or category the rest may have."""

    pin: Annotated[tuple[ShortText, ...], Field(max_length=20)] = ()
    cap_per_brand: Annotated[int, Field(ge=1)] | None = None
    cap_per_category: Annotated[int, Field(ge=1)] | None = None


class Reason(Model):
    """Why an item is there, from data alone: `because_of` names the shopper's own items (or the anchor) that speak for
    it, `text` says it in the asked language (default: the item's). Where the data say nothing, there is no reason."""

    code: Literal[
        "often_next",
        "bought_together",
        "bought_before",
        "looked_at",
        "same_category",
        "alike",
        "search",
        "popular",
        "pinned",
    ]
    because_of: tuple[str, ...] = ()
    text: str


class RecommendedItem(Model):
    """`rank` counts from 1. `score` is what speaks for the item as a share of the best one's, and means nothing across
    answers; pins and diversity may rank against it.

    `source`: the shopper's own events (`sequence`), the anchor (`similar`), the texts of an item nobody has bought yet
    (`content`), what sells (`popular`: also where little of the shopper's own speaks for it), or the shop (`pinned`).
    """

    sku: str
    name: str | None = None
    rank: Annotated[int, Field(ge=1)]
    score: float
    source: Source
    reason: Reason | None = None


class RecommendationOutput(TaskOutput):
    """At most `k` items, best first. `fallback` says why the shopper's own events were not used (none: they were):
    `no_events` (none, or all from the future), `unknown_items` (the model knows none of them), `not_personalised` (it
    was asked so), `filtered` (they were used, but of what the request lets pass little speaks for some items, and what
    sells filled up). `missing_skus` are those of the input that the catalogue lacks; unknown exclusions are not named.
    `attribution_token` goes into the shop's click log: it names model, version and answer, nothing of the shopper."""

    items: tuple[RecommendedItem, ...]
    personalised: bool
    fallback: Literal["no_events", "unknown_items", "not_personalised", "filtered"] | None = None
    missing_skus: tuple[str, ...] = ()
    attribution_token: str
    checks: tuple[Check, ...] = ()
    provenance: Provenance
    usage: Usage


class RecommendationInput(TaskInput[RecommendationOutput], task="recommendation"):
    """Recommend items to a shopper, or, with `anchor_sku`, items similar to one.

    Events may come in any order; those without a time keep theirs, those from the future are left out and reported.
    `seen`: whether items the shopper already bought may come back (`exclude`, or `allow` where people buy again); a
    review counts as a purchase. With `personalize` false no event is looked at, as the law lets a shopper choose.
    `diversity` from 0 to 1 trades score for variety. `locale` is the language of the reasons; of a catalogue in several
    languages only items of that language come (default: of the anchor, of the newest event), unless `candidates` names
    others. `market` leaves out items that are sold elsewhere only. `user_id` is a pseudonym and comes back nowhere.
    """

    user_id: ShortText | None = None
    events: Annotated[tuple[UserEvent, ...], Field(max_length=1000)] = ()
    anchor_sku: ShortText | None = None
    candidates: Annotated[tuple[ShortText, ...], Field(max_length=5000)] | None = None
    exclude: Annotated[tuple[ShortText, ...], Field(max_length=5000)] = ()
    filter: ItemFilter = ItemFilter()
    business_rules: BusinessRules = BusinessRules()
    k: Annotated[int, Field(ge=1, le=100)] = 10
    seen: Literal["exclude", "allow"] = "exclude"
    personalize: bool = True
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    explain: bool = True
    locale: Locale | None = None
    market: Markets = ()
