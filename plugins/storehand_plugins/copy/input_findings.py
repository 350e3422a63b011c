"""What the input itself brings: words that must not be published, instructions in data, tokens nobody declared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from storehand.contracts.base import Check
from storehand.contracts.copy import CampaignOffer, CopyInput
from storehand_plugins.checks import unsupported_claims, unsupported_numbers
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.checks.hidden import visible
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.copy.brief import Brief
from storehand_plugins.copy.rules import Breach, breaches
from storehand_plugins.copy.sources import product_sources
from storehand_plugins.copy.tokens import find_tokens

Severity = Literal["info", "warn", "needs_evidence", "block"]

_INFO: Severity = "info"
_WARN: Severity = "warn"
_PUBLISHED = ("input.campaign", "input.trendNotes", "input.sender", "input.keywords")
"""What would go to shoppers as it is."""


def input_findings(given: CopyInput, brief: Brief) -> Iterator[Check]:
    """Campaign text first. What is found is left out of the copy, unless it is a fact that has to be said."""
    for field, text in _campaign_texts(given):
        yield from (_breach(field, breach, breach.rule.severity) for breach in breaches(text))
        yield from _suspicious(field, text, given)
        for span in find_words(text, given.forbidden_words):
            yield _check(
                "forbidden_word.input", "info", field, span.start, span.end, text, "left out: one of `forbiddenWords`"
            )
    for field, text in _product_texts(given):
        for breach in breaches(text):
            is_green = breach.rule.id == "law.green_claim"
            yield _breach(field, breach, "needs_evidence" if is_green or field.endswith(".name") else "warn")
        yield from _suspicious(field, text, given)
    yield from _keywords(given, brief)


def _campaign_texts(given: CopyInput) -> Iterator[tuple[str, str]]:
    yield "input.campaign.name", given.campaign.name
    if offer := given.campaign.offer:
        for name, text in (("gift", offer.gift), ("code", offer.code), ("terms", offer.terms)):
            if text:
                yield f"input.campaign.offer.{name}", text
    for number, note in enumerate(given.trend_notes):
        yield f"input.trendNotes[{number}]", note
    if given.campaign.segment:
        yield "input.campaign.segment", given.campaign.segment
    if given.sender:
        yield "input.sender", given.sender
    if given.brand_voice:
        yield "input.brandVoice", given.brand_voice


def _product_texts(given: CopyInput) -> Iterator[tuple[str, str]]:
    for number, product in enumerate(given.products):
        place = f"input.products[{number}]"
        yield f"{place}.name", product.name
        for index, note in enumerate(product.positive_notes):
            yield f"{place}.positiveNotes[{index}]", note
        for index, each in enumerate(product.additional_property):
            yield f"{place}.additionalProperty[{index}].value", each.value
        if product.description:
            yield f"{place}.description", product.description


def _suspicious(field: str, text: str, given: CopyInput) -> Iterator[Check]:
    is_ours = field.startswith(_PUBLISHED) or field.endswith(".name")
    for span in find_injection(text):
        yield Check(
            rule="input.injection",
            severity="block" if is_ours else "warn",
            field=field,
            start=span.start,
            end=span.end,
            text=span.text,
            basis="it speaks to a machine; it was read as data only and left out of the copy",
            suggestion="replace it by what the shop wants shoppers to read",
        )
    for match in find_tokens(text):
        if match.group() not in given.tokens:
            yield _check(
                "token.unknown", "warn", field, *match.span(), text, "it looks like a token and is not in `tokens`"
            )
    seen = visible(text)
    if seen.removed:
        yield _check(
            "input.hidden_characters", "info", field, 0, len(text), "", f"{seen.removed} hidden characters were ignored"
        )


def _keywords(given: CopyInput, brief: Brief) -> Iterator[Check]:
    sources = product_sources(given)
    for number, keyword in enumerate(given.keywords):
        field = f"input.keywords[{number}]"
        if keyword in brief.keywords:
            continue
        wrong = [
            *(_breach(field, breach, breach.rule.severity) for breach in breaches(keyword)),
            *_suspicious(field, keyword, given),
        ]
        yield from wrong
        if wrong:
            continue
        if find_words(keyword, given.forbidden_words):
            rule, severity, basis = "keyword.refused", _WARN, "left out: one of `forbiddenWords`"
        else:
            is_claim = unsupported_claims(keyword, sources) or unsupported_numbers(keyword, sources)
            rule, severity = "keyword.unsupported", _WARN if is_claim else _INFO
            basis = "left out of the copy: no fact of the products has it"
        yield _check(rule, severity, field, 0, len(keyword), keyword, basis)


def offer_times(offer: CampaignOffer | None, now: datetime) -> Iterator[Check]:
    """Whether the offer is over, or has not begun."""
    if offer and offer.ends_at and offer.ends_at <= now:
        text, field = offer.ends_at.isoformat(), "input.campaign.offer.endsAt"
        basis = "the offer is over: nobody can be promised it（优惠已结束）"
        yield Check(
            rule="offer.ended",
            severity="block",
            field=field,
            start=0,
            end=len(text),
            text=text,
            basis=basis,
            suggestion="set a later `endsAt`, or leave the offer out",
        )
    if offer and offer.starts_at and offer.starts_at > now:
        text, field = offer.starts_at.isoformat(), "input.campaign.offer.startsAt"
        yield _check("offer.not_started", "info", field, 0, len(text), text, "send it when the offer begins, or before")


def _breach(field: str, breach: Breach, severity: Severity) -> Check:
    return Check(
        rule=breach.rule.id,
        severity=severity,
        field=field,
        start=breach.start,
        end=breach.end,
        text=breach.text,
        basis=breach.rule.basis,
        suggestion=breach.rule.suggestion,
    )


def _check(rule: str, severity: Severity, field: str, start: int, end: int, text: str, basis: str) -> Check:
    return Check(rule=rule, severity=severity, field=field, start=start, end=end, text=text[start:end], basis=basis)
