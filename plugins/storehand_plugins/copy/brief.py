"""A brief: everything a piece of copy may say, in the words it is said in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storehand.contracts.copy import CampaignOffer, Channel, Component, CopyInput, OfferField
from storehand.contracts.product import Product
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.copy.items import Item, Point, item_of
from storehand_plugins.copy.keywords import is_supported
from storehand_plugins.copy.offer import OfferWords, offer_words
from storehand_plugins.copy.rules import is_sayable
from storehand_plugins.copy.sources import product_sources
from storehand_plugins.copy.tokens import Tokens, tokens_of
from storehand_plugins.description.groups import GENERIC, group_of
from storehand_plugins.description.kinds import Language, Tone
from storehand_plugins.description.phrases_en import SCENES as SCENES_EN
from storehand_plugins.description.phrases_zh import SCENES as SCENES_ZH

_HAN = re.compile(r"[\u4e00-\u9fff]")
_INTERNAL = re.compile(r"[_/\\#@]|\b[QHv]\d\b|\b[A-Z]+-\d+|test|campaign|segment|测试|内部", re.IGNORECASE)
PUBLIC: tuple[Channel, ...] = ("ad_search", "social", "xiaohongshu", "livestream", "article")
"""Channels that everybody reads: nobody's name is there to be filled in."""

_TRADITIONAL = re.compile(r"zh-(?:tw|hk|mo|hant)\b", re.IGNORECASE)
_NOT_GIVEN = ("food", "pet", "tools", "car", "cleaning")
"""Groups that make odd presents."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What the writers know. `points` are those of the first product; `tastes` are preferences it
    meets, `liked` the values that meet them, `withheld` what of the offer nobody may read; `sender` may be empty."""

    language: Language
    locale: str
    market: tuple[str, ...]
    channel: Channel
    components: tuple[Component, ...]
    tone: Tone
    goal: str
    campaign: str
    items: tuple[Item, ...]
    offer: OfferWords | None
    withheld: dict[OfferField, str]
    tokens: Tokens
    tastes: tuple[str, ...]
    liked: tuple[str, ...]
    trends: tuple[str, ...]
    keywords: tuple[str, ...]
    forbidden: tuple[str, ...]
    sender: str

    @property
    def points(self) -> tuple[Point, ...]:
        return self.items[0].points

    @property
    def is_chinese(self) -> bool:
        return self.language == "zh"

    @property
    def names(self) -> tuple[str, ...]:
        """What the piece is about, longest first: the product, or the first of several."""
        first, *others = [item.names for item in self.items]
        if not others:
            return first
        both = f"{first[0]}和{others[0][0]}" if self.is_chinese else f"{first[0]} and {others[0][0]}"
        if len(others) == 1:
            return (both, *self._with_more(first), "这些好物" if self.is_chinese else "our picks")
        return (*self._with_more(first), "这些好物" if self.is_chinese else "our picks")

    def _with_more(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{name}等好物" if self.is_chinese else f"{name} and more" for name in names)

    @property
    def scenes(self) -> tuple[str, ...]:
        """Those of the products, if they are of one kind."""
        if len({item.plan.group for item in self.items}) == 1:
            return self.items[0].scenes
        return (SCENES_ZH if self.is_chinese else SCENES_EN)[GENERIC]

    @property
    def is_giftable(self) -> bool:
        return all(item.plan.group not in _NOT_GIVEN for item in self.items)


def brief_of(given: CopyInput, language: Language, components: tuple[Component, ...]) -> Brief:
    """`given` has no hidden characters any more. What the law or the shop forbids to say is left out here."""
    market = tuple(given.market)
    locale = given.locale or ("zh-CN" if language == "zh" else "en")
    if _TRADITIONAL.match(locale):
        locale = "zh-CN"
    if locale.lower().split("-")[0] != language:
        locale = language
    if locale.lower() == "en" and market and set(market) <= {"US", "CA"}:
        locale = "en-US"

    def sayable(text: str) -> bool:
        return is_sayable(text, forbidden=given.forbidden_words)

    tastes, hits = _tastes(given)
    withheld = _withheld(given.campaign.offer)
    offer = _without(given.campaign.offer, withheld)
    tokens = tokens_of(given.tokens)
    items = tuple(item_of(product, language, given.tone, sayable=sayable) for product in given.products)
    facts = [*product_sources(given), *(f"{fact.key} {fact.value}" for item in items for fact in item.plan.facts)]
    return Brief(
        language=language,
        locale=locale,
        market=market,
        channel=given.channel,
        components=components,
        tone=given.tone,
        goal=given.campaign.goal,
        campaign=given.campaign.name
        if _is_public(given.campaign.name, language) and sayable(given.campaign.name)
        else "",
        items=items,
        offer=offer_words(offer, locale) if offer else None,
        withheld=withheld,
        tokens=replace(tokens, names=()) if given.channel in PUBLIC else tokens,
        tastes=tuple(each for each in tastes if sayable(each) and _is_in(each, language)),
        liked=hits,
        trends=tuple(_whole(each) for each in given.trend_notes if sayable(each) and _is_in(each, language)),
        keywords=tuple(each for each in given.keywords if sayable(each) and is_supported(each, facts)),
        forbidden=given.forbidden_words,
        sender=given.sender if given.sender and sayable(given.sender) else "",
    )


def _withheld(offer: CampaignOffer | None) -> dict[OfferField, str]:
    """Values that speak to a machine: no shopper is to read them."""
    if offer is None:
        return {}
    values: dict[OfferField, str | None] = {"gift": offer.gift, "code": offer.code, "terms": offer.terms}
    return {name: value for name, value in values.items() if value and find_injection(value)}


def _without(offer: CampaignOffer | None, withheld: dict[OfferField, str]) -> CampaignOffer | None:
    """A gift offer without its gift is none."""
    if offer is None or (offer.type == "gift" and "gift" in withheld):
        return None
    return offer.model_copy(update=dict.fromkeys(withheld))


def _is_in(text: str, language: Language) -> bool:
    return language == "zh" or not _HAN.search(text)


def _whole(note: str) -> str:
    return note.rstrip(" .。!！;；")


def _is_public(name: str, language: Language) -> bool:
    """Not every campaign's name is for customers: "q4_winback_v2" is not."""
    return len(name) <= 30 and not _INTERNAL.search(name) and bool(_HAN.search(name)) == (language == "zh")


def _tastes(given: CopyInput) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Preferences that a product really meets: what may be said, and the values they meet."""
    user = given.user
    if user is None or not user.consent:
        return (), ()
    facts = [value for product in given.products for value in _values(product)]
    met: dict[str, list[str]] = {}
    for preference in user.preferences:
        key = preference.casefold()
        hits = [value for value in facts if key in value.casefold() or (len(value) > 1 and value.casefold() in key)]
        if hits:
            met[preference] = hits
    groups = {group_of(product.category or "", product.name) for product in given.products} - {GENERIC}
    shown = {product.name for product in given.products}
    for recent in user.recent_items:
        if recent.name not in shown and group_of(recent.name) in groups:
            met.setdefault(recent.name, [])
    return tuple(met), tuple(value for hits in met.values() for value in hits)


def _values(product: Product) -> list[str]:
    looks = [each for each in (product.color, product.material, product.pattern) if each]
    return [*product.positive_notes, *looks, *(each.value for each in product.additional_property)]
