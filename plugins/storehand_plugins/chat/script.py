"""Replies to customers who write traditional characters: the assistant's own words follow them, quotations do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from storehand.contracts.chat import ChatInput
from storehand_plugins.chat.answers import Found
from storehand_plugins.chat.compose import Reply
from storehand_plugins.chat.hanzi import is_traditional, traditional
from storehand_plugins.chat.turn import Turn

LOCALE = "zh-Hant"
_TRADITIONAL_LOCALES = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")


def wants_traditional(input: ChatInput, turn: Turn) -> bool:
    """By what the customer writes; by the locale where his words could be either."""
    if turn.language != "zh":
        return False
    said = "".join((*turn.earlier, turn.whole))
    return is_traditional(said) or (input.locale or "").lower().startswith(_TRADITIONAL_LOCALES)


def in_traditional(reply: Reply, input: ChatInput, found: Found) -> Reply:
    """Character for character: citations keep their places, and those of order and product stay words of the reply."""
    kept = set(_kept(input, found))
    pieces = tuple(traditional(piece, keep=kept) for piece in reply.pieces)
    text = "".join(pieces)
    citations = tuple(
        each.model_copy(update={"quote": text[each.start : each.end]})
        if each.knowledge_id in ("order", "product")
        else each
        for each in reply.citations
    )
    return replace(reply, pieces=pieces, citations=citations)


def _kept(input: ChatInput, found: Found) -> Iterator[str]:
    for candidate in found.finding.candidates:
        yield candidate.article.title
    yield from (candidate.quote for candidate in found.quoted)
    yield from ([input.business_hours] if input.business_hours else [])
    if input.order is not None:
        yield from (input.order.id, input.order.carrier or "", *(item.name for item in input.order.items))
    if input.product is not None:
        product = input.product
        yield from (product.name, *product.positive_notes, *(each.value for each in product.additional_property))
        yield from (each or "" for each in (product.color, product.material, product.size, product.brand))
