"""Which facts are in the language of the text, and which script a locale asks for."""

from __future__ import annotations

import re
from dataclasses import replace

from storehand_plugins.description.audience import AUDIENCE
from storehand_plugins.description.plan import Fact, Plan

SIMPLIFIED = "zh-Hans"
"""Of the Chinese that the phrases are in."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_ENGLISH = re.compile(r"(?<![A-Za-z])[A-Za-z]?[a-z]{2,}(?![A-Za-z])")
_ENGLISH_PHRASE = re.compile(r"[A-Za-z][\s-][a-z]{3,}(?![A-Za-z])")
_KNOWN = frozenset(
    (
        *(
            "bluetooth",
            "wi",
            "fi",
            "type",
            "usb",
            "lightning",
            "android",
            "windows",
            "linux",
            "mac",
            "pro",
            "max",
            "plus",
        ),
        *(
            "mini",
            "lite",
            "ultra",
            "mah",
            "khz",
            "mhz",
            "ghz",
            "kwh",
            "rpm",
            "lbs",
            "inch",
            "min",
            "dolby",
            "hi",
            "res",
        ),
    )
)
"""English words that Chinese shops write as they are."""

_TRADITIONAL = re.compile(r"zh-(?:Hant(?:-\w+)?|TW|HK|MO)", re.IGNORECASE)


def is_traditional(locale: str) -> bool:
    """Whether a locale means traditional characters."""
    return _TRADITIONAL.fullmatch(locale) is not None


def in_one_language(plan: Plan) -> tuple[Plan, tuple[Fact, ...]]:
    """The plan without facts that its sentences can't hold, and those facts. The name is the shop's, whatever it is."""
    is_chinese_shop = any(_HAN.search(text) for text in (plan.name, *(fact.key + fact.value for fact in plan.facts)))
    foreign = tuple(
        fact
        for fact in plan.facts
        if fact.label != AUDIENCE
        and (_is_english(fact, is_chinese_shop=is_chinese_shop) if plan.language == "zh" else _is_chinese(fact))
    )
    if not foreign:
        return plan, ()
    return replace(plan, facts=tuple(fact for fact in plan.facts if fact not in foreign)), foreign


def _is_chinese(fact: Fact) -> bool:
    """A word in brackets ("green tea (龙井)") is welcome, a Chinese statement is not."""
    text = fact.key + fact.value
    return len(_HAN.findall(text)) * 4 > len(_LATIN.findall(text))


def _is_english(fact: Fact, *, is_chinese_shop: bool) -> bool:
    """Names and codes (Bluetooth, USB-C) are no English words; a Chinese shop's own single words ("Cotton") stay."""
    if is_chinese_shop:
        text = fact.value if _HAN.search(fact.key) else f"{fact.key} {fact.value}"
        return not _HAN.search(text) and _ENGLISH_PHRASE.search(text) is not None
    return any(word.lower() not in _KNOWN for word in _ENGLISH.findall(f"{fact.key} {fact.value}"))
