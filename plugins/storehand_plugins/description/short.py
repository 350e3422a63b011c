"""The short fields: SEO title, meta description and alt text, put together from whole facts within their limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storehand_plugins.description.brief import Brief
from storehand_plugins.description.filling import TITLE_MAX, lowered, size_word
from storehand_plugins.description.kinds import FactKind, Language
from storehand_plugins.description.plan import Fact

BULLETS = "bullets"
LIMITS: dict[Language, dict[str, int]] = {
    "en": {"title": TITLE_MAX, "seo_title": 60, "meta_description": 155, "alt_text": 125},
    "zh": {"title": TITLE_MAX, "seo_title": 30, "meta_description": 80, "alt_text": 125},
}
"""Characters: what search engines show of a title and a snippet, what screen readers read in one go."""

_PLAIN = (FactKind.FEATURE, FactKind.QUALITY, FactKind.MATERIAL, FactKind.COLOR, FactKind.SIZE)
_SEEN = (FactKind.COLOR, FactKind.MATERIAL)
_BETWEEN = {"en": ", ", "zh": "，"}


def seo_title(brief: Brief, facts: Sequence[Fact]) -> str:
    """The name, up to two facts, and the brand where it still fits."""
    is_english = brief.language == "en"
    limit = LIMITS[brief.language]["seo_title"]
    name = brief.plan.name
    brand = (" | " if is_english else "｜") + brief.plan.brand if brief.plan.brand else ""
    if len(name + brand) > limit:
        brand = ""
    told = [fact for fact in facts if fact.kind in _PLAIN or fact.kind is FactKind.AMOUNT]
    listed = _as_many(told, room=limit - len(name + brand) - (3 if is_english else 1), brief=brief, at_most=2)
    middle = (f" – {listed}" if is_english else f"｜{listed}") if listed else ""
    return cut(name + middle + brand, limit)


def meta_description(brief: Brief, facts: Sequence[Fact]) -> str:
    """One sentence: the product with as many facts as fit."""
    is_english = brief.language == "en"
    limit = LIMITS[brief.language]["meta_description"]
    subject = named(brief)
    if len(subject) + 1 > limit:
        return cut(brief.plan.name, limit)
    told = [fact for fact in facts if fact.kind is not FactKind.PHRASE and fact.kind is not FactKind.NOTE]
    listed = _as_many(told, room=limit - len(subject) - (3 if is_english else 2), brief=brief)
    if not listed:
        return subject + ("." if is_english else "。")
    return f"{subject}: {listed}." if is_english else f"{subject}：{listed}。"


def alt_text(brief: Brief, facts: Sequence[Fact]) -> str:
    """What a picture of the product can show: its name, colour, material and pattern."""
    limit = LIMITS[brief.language]["alt_text"]
    subject = named(brief)
    if len(subject) > limit:
        return cut(brief.plan.name, limit)
    seen = [fact for fact in facts if fact.kind in _SEEN or fact.label == "pattern"]
    listed = _as_many(seen, room=limit - len(subject) - 2, brief=brief)
    return subject + _BETWEEN[brief.language] + listed if listed else subject


def named(brief: Brief) -> str:
    """Name and brand as a text says them."""
    plan = brief.plan
    if not plan.brand:
        return plan.name
    if plan.language == "en":
        return f"{plan.name} by {plan.brand}"
    joint = " " if plan.brand[-1].isascii() and plan.name[0].isascii() else ""
    return plan.brand + joint + plan.name


def cut(text: str, limit: int) -> str:
    """A name that is too long ends at a word, where it has words."""
    if len(text) <= limit:
        return text
    end = text[: limit + 1].rfind(" ")
    return text[: end if end > limit // 2 else limit].rstrip(" ,，、-–|｜:：")


def _as_many(facts: Iterable[Fact], *, room: int, brief: Brief, at_most: int | None = None) -> str:
    """Facts in their order; one that does not fit makes way for a shorter one."""
    between = _BETWEEN[brief.language]
    listed = ""
    count = 0
    for fact in facts:
        text = listed + (between if listed else "") + in_short(fact, brief.language)
        if len(text) <= room:
            listed, count = text, count + 1
        if at_most is not None and count == at_most:
            break
    return listed


def in_short(fact: Fact, language: Language) -> str:
    """ "1.7 L capacity", "origin Ethiopia", "容量1.5升"; a size says that it is one."""
    if fact.kind is FactKind.SIZE:
        return f"size {fact.value}" if language == "en" else f"{size_word(fact)}{fact.value}"
    if not fact.is_keyed:
        return lowered(fact) if language == "en" else fact.value
    if language == "zh":
        joint = " " if fact.key[-1].isascii() and fact.value[0].isascii() else ""
        return fact.key + joint + fact.value
    is_measure = fact.kind is FactKind.AMOUNT and " and " not in fact.value and len(fact.value.split()) <= 4
    return f"{fact.value} {fact.key}" if is_measure else f"{fact.key} {fact.value}"
