"""What each channel has and how much fits: default components and their limits, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storehand.contracts.copy import Channel, Component

Count = Literal["chars", "sms", "wide"]
"""How a limit counts: Unicode characters, one SMS segment, or Han characters as two."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`max` in the limit's own count; `source` says where the number comes from."""

    max: int
    source: str
    count: Count = "chars"


_LIST = "house rule: what a list of the app shows in one line"
LIMITS: dict[Channel, dict[Component, Limit]] = {
    "email": {
        "subject": Limit(60, "phones show 40 to 60 characters of a subject line"),
        "preheader": Limit(90, "inboxes show about 90 characters behind the subject"),
        "headline": Limit(60, _LIST),
        "body": Limit(2000, "house rule: two screens of a phone"),
        "cta": Limit(25, "house rule: one line of a button"),
    },
    "sms": {
        "body": Limit(160, "one segment: 160 characters of GSM 03.38, else 70 of UCS-2", "sms"),
    },
    "push": {
        "headline": Limit(50, "Android and iOS cut a title at about 50 characters"),
        "body": Limit(150, "iOS shows about 178 characters, Android fewer; 150 is safe on both"),
        "cta": Limit(20, "Android's action buttons show about 20 characters"),
    },
    "ad_search": {
        "headline": Limit(30, "Google Ads, responsive search ads: 30, a Han character counts as two", "wide"),
        "body": Limit(90, "Google Ads, responsive search ads, description: 90, Han as two", "wide"),
        "cta": Limit(15, "Google Ads, path field: 15, Han as two", "wide"),
    },
    "social": {
        "headline": Limit(60, _LIST),
        "body": Limit(500, "Threads' 500, the smallest of the long captions (Instagram 2,200, Weibo 2,000)"),
        "cta": Limit(25, "house rule: one line of a button"),
        "hashtags": Limit(150, "house rule: up to ten tags; Instagram takes thirty"),
    },
    "wechat": {
        "headline": Limit(64, "title of an article of an official account: 64 characters"),
        "preheader": Limit(120, "its abstract: 120 characters"),
        "body": Limit(2000, "house rule; the platform takes 20,000"),
        "cta": Limit(20, "house rule: one line of a button"),
    },
    "xiaohongshu": {
        "headline": Limit(20, "title of a note: 20 characters"),
        "body": Limit(1000, "text of a note: 1,000 characters"),
        "cta": Limit(20, "house rule: one line"),
        "hashtags": Limit(100, "house rule: ten topics"),
    },
    "livestream": {
        "headline": Limit(30, "house rule: title of the room in one line"),
        "body": Limit(6000, "house rule: twenty minutes of speech at 300 characters a minute"),
        "cta": Limit(60, "house rule: one spoken sentence"),
    },
    "article": {
        "headline": Limit(60, "search engines show about 60 characters of a title"),
        "preheader": Limit(160, "and about 160 of a description"),
        "body": Limit(6000, "house rule: a page that people read to its end"),
        "cta": Limit(25, "house rule: one line of a button"),
    },
}

_ELSEWHERE: dict[Component, Limit] = {
    "subject": Limit(60, "as in an email"),
    "preheader": Limit(90, "as in an email"),
    "headline": Limit(60, "as in an email"),
    "body": Limit(500, "as in a social post"),
    "cta": Limit(25, "as in an email"),
    "hashtags": Limit(150, "as in a social post"),
}
"""For a component that the channel itself has not."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWO = frozenset("^{}\\[~]|€")
_UCS2_SEGMENT = 70


def limit_of(channel: Channel, component: Component, max_chars: dict[Component, int]) -> Limit:
    """The caller's own limit, which counts Unicode characters, else the channel's."""
    if component in max_chars:
        return Limit(max_chars[component], "maxChars of the input")
    return LIMITS[channel].get(component) or _ELSEWHERE[component]


def fits(text: str, limit: Limit) -> bool:
    """Whether the text keeps the limit in its own count."""
    if limit.count == "wide":
        return sum(2 if ord(char) >= 0x1100 else 1 for char in text) <= limit.max
    if limit.count == "sms" and any(char not in _GSM and char not in _GSM_TWO for char in text):
        return len(text.encode("utf-16-le")) // 2 <= _UCS2_SEGMENT
    if limit.count == "sms":
        return sum(2 if char in _GSM_TWO else 1 for char in text) <= limit.max
    return len(text) <= limit.max
