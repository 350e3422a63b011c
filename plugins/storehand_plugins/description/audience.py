"""Whom a product is made for, as facts; never whom a text is read by."""

from __future__ import annotations

from collections.abc import Iterator

from storehand.contracts.product import Audience
from storehand_plugins.description.kinds import FactKind, Language
from storehand_plugins.description.plan import Fact

_ADULT = 13
"""Where Merchant Center's age group "adult" begins; a shop that says it speaks of no age."""

AUDIENCE = "audience"
"""Label of these facts."""

_GENDERS = {
    "en": {"female": "made for women", "male": "made for men", "unisex": "unisex"},
    "zh": {"female": "适合女士", "male": "适合男士", "unisex": "男女通用"},
}


def audience_facts(audience: Audience, language: Language) -> Iterator[Fact]:
    """Gender and ages, each as a property."""
    if audience.suggested_gender:
        yield Fact(FactKind.QUALITY, _GENDERS[language][audience.suggested_gender], label=AUDIENCE)
    if ages := _ages(audience.suggested_min_age, audience.suggested_max_age, language):
        yield Fact(FactKind.QUALITY, ages, label=AUDIENCE)


def _ages(youngest: float | None, oldest: float | None, language: Language) -> str:
    if youngest == _ADULT and not oldest:
        return ""
    if youngest and oldest:
        low, high = _age(youngest, language), _age(oldest, language)
        return f"suitable from {low} to {high}" if language == "en" else f"适合{low}至{high}"
    if youngest:
        return f"suitable from {_age(youngest, 'en')}" if language == "en" else f"适合{_age(youngest, 'zh')}及以上"
    if oldest:
        return f"suitable up to {_age(oldest, 'en')}" if language == "en" else f"适合{_age(oldest, 'zh')}及以下"
    return ""


def _age(years: float, language: Language) -> str:
    """Under two years in months, as toys and clothes for babies are labelled."""
    months = round(years * 12)
    if years < 2 and months % 12:
        return f"{months} months" if language == "en" else f"{months}个月"
    said = f"{years:g}"
    if language == "zh":
        return f"{said}岁"
    return f"{said} year" if said == "1" else f"{said} years"
