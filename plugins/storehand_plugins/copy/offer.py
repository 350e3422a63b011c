"""The words of an offer: its facts as they are printed, and sentences that state them, longest and shortest."""

from __future__ import annotations

from dataclasses import dataclass, field

from storehand.contracts.copy import CampaignOffer, OfferField
from storehand_plugins.copy.articles import with_article
from storehand_plugins.copy.moments import Moment, moment
from storehand_plugins.copy.money import money, plain, zhe


@dataclass(frozen=True, slots=True)
class OfferWords:
    """What may be said of an offer. `wordings` has every accepted way to print each fact; `label` is the deal with its
    condition in a few words, `deal` without."""

    deal: str
    label: str
    sentences: tuple[str, ...]
    """Different wordings that all state everything but the terms."""
    shorts: tuple[str, ...]
    """Ever shorter ones; the last leave facts out."""
    wordings: dict[OfferField, tuple[str, ...]] = field(default_factory=dict)
    values: dict[OfferField, str] = field(default_factory=dict)
    terms: str = ""


def offer_words(offer: CampaignOffer, locale: str) -> OfferWords:
    """In Chinese where the locale says so, else in English."""
    is_chinese = locale.lower().startswith("zh")
    parts = _Parts(offer, locale, is_chinese=is_chinese)
    return (_chinese if is_chinese else _english)(parts)


class _Parts:
    """The facts, printed."""

    def __init__(self, offer: CampaignOffer, locale: str, *, is_chinese: bool) -> None:
        self.type = offer.type
        self.amount = (
            money(offer.value, offer.currency, is_chinese=is_chinese) if offer.value and offer.currency else ""
        )
        self.percent = plain(offer.value) if offer.type == "percent_off" and offer.value else ""
        self.zhe = zhe(offer.value) if offer.type == "percent_off" and offer.value else ""
        self.least = (
            money(offer.min_spend, offer.currency, is_chinese=is_chinese) if offer.min_spend and offer.currency else ""
        )
        self.gift = offer.gift or ""
        self.code = offer.code or ""
        self.start = moment(offer.starts_at, locale, is_end=False) if offer.starts_at else None
        self.end = moment(offer.ends_at, locale, is_end=True) if offer.ends_at else None
        self.terms = offer.terms or ""
        self.same_day = self._within_a_day(offer) if is_chinese else ""
        is_same_year = offer.starts_at and offer.ends_at and offer.starts_at.year == offer.ends_at.year
        self.start_in_range = (self.start.medium if is_same_year else self.start.full) if self.start else ""

    def _within_a_day(self, offer: CampaignOffer) -> str:
        """12月12日20:00至23:59: the day is said once."""
        start, end = offer.starts_at, offer.ends_at
        if not (self.start and start and end) or (start.date(), start.tzinfo) != (end.date(), end.tzinfo):
            return ""
        clock = f"{start.hour}:{start.minute:02d}"
        day = self.start.medium.removesuffix(clock)
        return f"{day}{clock}至{end.hour}:{end.minute:02d}"

    def words(self, deal: str, label: str, sentences: tuple[str, ...], shorts: tuple[str, ...]) -> OfferWords:
        wordings: dict[OfferField, tuple[str, ...]] = {}
        if self.type == "percent_off":
            wordings["value"] = (self.zhe, f"{self.percent}%")
        elif self.type in ("amount_off", "price", "bundle") and self.amount:
            wordings["price" if self.type == "price" else "value"] = (self.amount,)
        elif self.type == "free_shipping":
            wordings["value"] = ("包邮", "免运费", "free shipping", "Free shipping")
        if self.gift:
            wordings["gift"] = (self.gift,)
        if self.least:
            wordings["min_spend"] = (self.least,)
        if self.code:
            wordings["code"] = (self.code,)
        if self.start:
            wordings["starts_at"] = (*self.start.wordings, *([self.same_day] if self.same_day else []))
        if self.end:
            wordings["ends_at"] = (*self.end.wordings, *([self.same_day] if self.same_day else []))
        if self.terms:
            wordings["terms"] = (self.terms,)
        values: dict[OfferField, str] = {name: each[0] for name, each in wordings.items()}
        if self.type == "percent_off" and "折" not in label:
            values["value"] = f"{self.percent}%"
        return OfferWords(deal, label, sentences, tuple(dict.fromkeys(shorts)), wordings, values, self.terms)


def _english(parts: _Parts) -> OfferWords:
    deal, is_cut = {
        "percent_off": (f"{parts.percent}% off", True),
        "amount_off": (f"{parts.amount} off", True),
        "price": (f"the offer price of {parts.amount}", False),
        "gift": (_given(parts.gift), False),
        "free_shipping": ("free shipping", False),
        "bundle": (f"the bundle price of {parts.amount}" if parts.amount else "our bundle offer", False),
    }[parts.type]
    if parts.gift and parts.type != "gift":
        deal += f" and {_given(parts.gift)}"
    short_deal = {"price": f"offer price {parts.amount}", "gift": _given(parts.gift)}.get(parts.type, deal)
    on = (f" {'' if is_cut else 'on '}orders of {parts.least} or more") if parts.least else ""
    on_short = f", orders of {parts.least}+" if parts.least else ""
    when, briefly = _english_when(parts), _english_when(parts, is_brief=True)
    end_short = f", ends {parts.end.short}" if parts.end else (f", from {parts.start.short}" if parts.start else "")
    with_code = f" with code {parts.code}" if parts.code else ""
    sentences = (
        f"Get {deal}{on}{with_code}{', ' + when if when else ''}.",
        (f"Use code {parts.code} for " if parts.code else "Enjoy ") + f"{deal}{on}{', ' + briefly if briefly else ''}.",
        (f"{_upper(when)}: {deal}" if when else f"Good news: {deal}") + f"{on}{with_code}.",
        f"{_upper(deal)}{on}."
        + (f" Your code: {parts.code}." if parts.code else "")
        + (f" Valid {briefly}." if briefly else ""),
        (f"Enter {parts.code} at checkout and get " if parts.code else "Treat yourself to ")
        + f"{deal}{on}{f' ({when})' if when else ''}.",
    )
    code_short = f", code {parts.code}" if parts.code else ""
    base = _upper(short_deal) + on_short
    shorts = (
        f"{_upper(deal)}{on}{with_code}{end_short}.",
        f"{base}{code_short}{end_short}.",
        f"{base}{code_short}.",
        f"{base}.",
        f"{base}",
        _upper(short_deal),
    )
    label = short_deal + (f" {'' if is_cut else 'on '}orders of {parts.least}+" if parts.least else "")
    return parts.words(short_deal, label, sentences, shorts)


def _english_when(parts: _Parts, *, is_brief: bool = False) -> str:
    """With the year, or briefly without."""
    start, end = parts.start, parts.end
    if start and end:
        first = start.medium if _same_year(parts) else start.full
        return f"from {first} to {end.medium if is_brief and _same_year(parts) else end.full}"
    if end:
        return f"until {end.medium if is_brief else end.full}"
    return f"from {start.medium if is_brief else start.full}" if start else ""


def _chinese(parts: _Parts) -> OfferWords:
    gift = f"赠{parts.gift}"
    plain_deal, with_least = {
        "percent_off": (f"享{parts.zhe}", f"享{parts.zhe}"),
        "amount_off": (f"立减{parts.amount}", f"减{parts.amount}"),
        "price": (f"活动价{parts.amount}", f"享活动价{parts.amount}"),
        "gift": (gift, gift),
        "free_shipping": ("包邮", "包邮"),
        "bundle": (f"组合价{parts.amount}" if parts.amount else "享组合优惠",) * 2,
    }[parts.type]
    core = f"满{parts.least}{with_least}" if parts.least else plain_deal
    if parts.gift and parts.type != "gift":
        core += f"，并{gift}"
    noun = core if parts.least else core.removeprefix("享")
    label = core if parts.least else plain_deal.removeprefix("享")
    period = _chinese_period(parts)
    end = f"，{parts.end.medium}截止" if parts.end else (f"，{parts.start.medium}开始" if parts.start else "")
    long_end = f"活动时间：{period}。" if period else ""
    code = parts.code
    at_once = f"下单即{core}" if core.startswith("享") else f"{core}，下单即享"
    direct = f"{core}，下单时输入优惠码{code}即可" if code else at_once
    sentences = (
        f"{direct}。{long_end}",
        f"{f'凭优惠码{code}，' if code else '活动期内下单，'}{core}{f'（{period}）' if period else ''}。",
        f"{f'{period}，' if period else '活动期间，'}{core}{f'，结算时填写{code}' if code else ''}。",
        f"活动说明：{noun}{f'；优惠码{code}' if code else ''}{f'；时间{period}' if period else ''}。",
        f"这次的优惠：{noun}。{f'优惠码请收好：{code}。' if code else ''}{f'时间：{period}。' if period else ''}",
    )
    short_code = f"，优惠码{code}" if code else ""
    tiny_end = f"，{parts.end.short}止" if parts.end else ""
    shorts = (
        f"{core}{short_code}{end}。",
        f"{core}{short_code}{tiny_end}。",
        f"{core}{f'，码{code}' if code else ''}{tiny_end}",
        f"{core}{short_code}",
        f"{core}{f'，码{code}' if code else ''}",
        core,
        label,
    )
    return parts.words(plain_deal.removeprefix("享"), label, sentences, shorts)


def _chinese_period(parts: _Parts) -> str:
    if parts.start and parts.end:
        if parts.same_day:
            return parts.same_day
        return (
            f"{parts.start_in_range}至{parts.end.medium}"
            if _same_year(parts)
            else f"{parts.start.full}至{parts.end.full}"
        )
    if parts.end:
        return f"截至{parts.end.medium}"
    return f"{parts.start.medium}起" if parts.start else ""


def _same_year(parts: _Parts) -> bool:
    return parts.start is not None and parts.start_in_range == parts.start.medium


def _given(gift: str) -> str:
    """The gift as a thing one gets, in the shop's own letters wherever it stands."""
    said = with_article(gift)
    return f"{said} as a gift" if said != gift else f"a gift of {gift}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


__all__ = ["Moment", "OfferWords", "offer_words"]
