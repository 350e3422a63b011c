"""The checks of an answer, in a shop's words: what is missing, what the law says, what the input itself brings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from storehand.contracts.base import Check
from storehand.contracts.copy import CopyInput, CopyVariant, OfferField
from storehand_plugins.checks.forbidden import find_words
from storehand_plugins.copy.brief import PUBLIC, Brief
from storehand_plugins.copy.input_findings import input_findings, offer_times
from storehand_plugins.copy.rules import breaches, is_sayable
from storehand_plugins.copy.sources import product_sources
from storehand_plugins.copy.tokens import find_tokens
from storehand_plugins.description.kinds import FactKind

Severity = Literal["info", "warn", "needs_evidence", "block"]
_MUST_STATE: tuple[OfferField, ...] = ("value", "price", "gift", "min_spend", "code")
"""Without these the text promises something else than the shop grants."""

_STOP = ("STOP", "拒收")


def findings(
    variant: CopyVariant, brief: Brief, given: CopyInput, *, style: str, asked: str, now: datetime
) -> tuple[Check, ...]:
    """The checks of the chosen variant and of the input. `style` is how the bound model is asked, `now` the time an
    offer's dates are held against."""
    found = [
        *_offer(variant, brief),
        *_components(variant, brief),
        *_channel(variant, brief),
        *_tokens(variant, brief),
        *_words(variant, brief, given),
        *_notes(variant, brief, given, style=style, asked=asked),
        *offer_times(given.campaign.offer, now),
        *input_findings(given, brief),
    ]
    return tuple(found)


def _note(
    rule: str, severity: Severity, field: str, basis: str, suggestion: str | None = None, text: str = ""
) -> Check:
    return Check(
        rule=rule, severity=severity, field=field, start=0, end=0, text=text, basis=basis, suggestion=suggestion
    )


def _offer(variant: CopyVariant, brief: Brief) -> Iterator[Check]:
    field = "body" if "body" in variant.components else next(iter(variant.components), "body")
    states_deal = any(fact.stated for fact in variant.offer_facts if fact.field in ("value", "price", "gift"))
    for fact in variant.offer_facts:
        if (fact.stated and fact.correct) or fact.field in brief.withheld:
            continue
        if fact.stated:
            yield _note(
                "offer.contradicted", "block", fact.component or field, f"the offer says {fact.value}", None, fact.value
            )
            continue
        must = fact.field in _MUST_STATE and (states_deal or fact.field in ("value", "price", "gift"))
        yield _note(
            f"offer.{fact.field}_missing",
            ("block" if must else "warn") if "body" in variant.components else "info",
            field,
            "there was no room for it within the limits of this channel",
            "raise the limit, or name it where the link leads",
            fact.value,
        )


def _components(variant: CopyVariant, brief: Brief) -> Iterator[Check]:
    for component in brief.components:
        if component not in variant.components:
            yield _note(
                "copy.component_left_out", "warn", component, "no whole wording is short enough", "raise its maxChars"
            )


def _channel(variant: CopyVariant, brief: Brief) -> Iterator[Check]:
    if brief.channel == "sms":
        body = variant.components.get("body", "")
        if not any(word in body for word in _STOP):
            yield _note(
                "sms.opt_out_missing",
                "block",
                "body",
                "每条商业短信须告知拒收方式（通信短信息服务管理规定）"
                if brief.is_chinese
                else "TCPA, CTIA: every marketing SMS names a way out",
                "拒收请回复R" if brief.is_chinese else "Reply STOP to opt out",
            )
        if not brief.sender:
            yield _note(
                "sms.sender",
                "warn",
                "body",
                "商业短信须有发送方签名（通信短信息服务管理规定）"
                if brief.is_chinese
                else "CTIA, PECR: a marketing SMS names its sender",
                "set `sender`, or let the mailer add the signature",
            )
    if brief.channel == "email" and "body" in variant.components and not brief.tokens.unsubscribes:
        yield _note(
            "email.unsubscribe",
            "warn",
            "body",
            "CAN-SPAM, GDPR, 互联网电子邮件服务管理办法: a marketing mail names a way to unsubscribe and a sender",
            "let the mailer's footer add it, or pass its token, such as {{unsubscribe_url}}",
        )


def _tokens(variant: CopyVariant, brief: Brief) -> Iterator[Check]:
    whole = "\n".join(variant.components.values())
    given = brief.tokens.of_readers if brief.channel in PUBLIC else ()
    for token in given:
        basis = "everybody reads this channel, so no reader's name can be filled in"
        yield _note("token.public_channel", "warn", "body", basis, "ask for it in an email, SMS or push", token)
    missing = [token for token in brief.tokens.missing(whole) if token not in given]
    for token in missing:
        yield _note("token.missing", "warn", "body", "there was no room for it", "raise the limit", token)
    if not variant.tokens_ok and not missing and not given:
        yield _note("token.twice", "warn", "body", "a token stands in the text more than once", None)
    for field, text in variant.components.items():
        for match in find_tokens(text):
            if match.group() not in brief.tokens.all:
                yield Check(
                    rule="token.unknown",
                    severity="warn",
                    field=field,
                    start=match.start(),
                    end=match.end(),
                    text=match.group(),
                    basis="it looks like a token of a mailer and is not in `tokens`",
                )


def _words(variant: CopyVariant, brief: Brief, given: CopyInput) -> Iterator[Check]:
    facts = product_sources(given)
    for field, text in variant.components.items():
        for span in find_words(text, brief.forbidden):
            yield Check(
                rule="forbidden_word",
                severity="block",
                field=field,
                start=span.start,
                end=span.end,
                text=span.text,
                basis="one of `forbiddenWords`, and part of a fact that has to be said",
                suggestion="change the name, the gift or the code, or the list",
            )
        for breach in breaches(text):
            is_fact = any(breach.text in fact for fact in facts)
            yield Check(
                rule=breach.rule.id,
                severity="needs_evidence" if is_fact and breach.rule.severity == "block" else breach.rule.severity,
                field=field,
                start=breach.start,
                end=breach.end,
                text=breach.text,
                basis=breach.rule.basis,
                suggestion=breach.rule.suggestion,
            )
    for claim in variant.unsupported_claims:
        yield Check(
            rule=f"fact.{claim.kind if claim.kind in ('number', 'unit') else 'claim'}_unsupported",
            severity="warn",
            field=claim.field,
            start=claim.start,
            end=claim.end,
            text=claim.text,
            basis="the input does not say this",
            suggestion="remove it, or add it to the product's attributes",
        )


def _notes(variant: CopyVariant, brief: Brief, given: CopyInput, *, style: str, asked: str) -> Iterator[Check]:
    whole = "\n".join(variant.components.values())
    squashed = whole.casefold().replace(" ", "")
    for keyword in brief.keywords:
        if keyword.casefold().replace(" ", "") not in squashed:
            yield _note(
                "keyword.missing", "info", "body", "no sentence could take it, or there was no room", None, keyword
            )
    if asked.lower().split("-")[0] not in ("zh", "en"):
        yield _note(
            "locale.replaced",
            "warn",
            "body",
            f"{asked} was asked for; this task writes zh and en, so this is {brief.language}",
        )
    elif (
        asked != brief.locale and brief.is_chinese and brief.locale == "zh-CN" and asked.lower() not in ("zh", "zh-cn")
    ):
        basis = f"{asked} was asked for; this task writes simplified Chinese（本任务只写简体中文）, so this is zh-CN"
        yield _note("locale.replaced", "warn", "body", basis, "have it converted before it is published")
    facts = [fact for item in brief.items for fact in item.plan.facts if fact.kind is not FactKind.NOTE]
    if facts and not any(is_sayable(f"{fact.key} {fact.value}", forbidden=brief.forbidden) for fact in facts):
        basis = "every fact of the products is in `forbiddenWords`, or must not be said: the text says names only"
        yield _note("facts.all_left_out", "warn", "input.products", basis, "allow some of them, or send others")
    if brief.language == "en" and any(product.language == "zh" for product in given.products):
        basis = "facts in Chinese were left out of the English text; send the product in the language of the copy"
        yield _note("locale.facts_left_out", "warn", "input.products", basis)
    if given.brand_voice and style != "chat":
        yield _note("brand_voice.unused", "info", "body", "only an instruction model can follow a brand voice")
    if variant.written_by == "realiser" and style != "slots":
        yield _note("text.realised", "info", "body", "no model text passed the checks; phrases were put together")
    offer = given.campaign.offer
    if offer and offer.type == "bundle" and offer.value and not offer.currency:
        yield _note(
            "offer.value_unsaid", "warn", "input.campaign.offer.value", "a bundle price needs a currency to be printed"
        )
