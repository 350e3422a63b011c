"""The answer: which items may come, in what order, with reasons; and what about the request could not be kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from storehand.contracts.base import Provenance
from storehand.contracts.recommendation import (
    RecommendationInput,
    RecommendationOutput,
    RecommendedItem,
    Source,
)
from storehand.task import ModelInfo, ModelUsage, Task
from storehand_plugins.recommendation.arranging import arrange, in_order
from storehand_plugins.recommendation.findings import findings
from storehand_plugins.recommendation.folder import ItemModel
from storehand_plugins.recommendation.history import ShopperHistory
from storehand_plugins.recommendation.reasons import Reasons
from storehand_plugins.recommendation.scoring import Scores, newest_item


@dataclass(frozen=True, slots=True)
class Choice:
    """Which items may come: `allowed` is a mask, `pins` are numbers that may, `barred` those of the pins that may not,
    with the reason in words."""

    allowed: Any
    pins: list[int]
    barred: dict[str, str]


def build_answer(
    input: RecommendationInput,
    model: ItemModel, history: ShopperHistory, scores: Scores, *, info: ModelInfo, usage: ModelUsage,
    task: Task[Any, Any],
) -> RecommendationOutput:  # fmt: skip
    anchor = model.catalogue.number_of.get(input.anchor_sku or "")
    language = _language(input, model, history, anchor)
    choice = choose(input, model, history, anchor=anchor, language=language)
    ranked = in_order(scores.total, choice.allowed)
    chosen = arrange(
        model, scores.total, ranked, pins=choice.pins, rules=input.business_rules, k=input.k, diversity=input.diversity
    )
    reasons = Reasons(model, history, scores, anchor, input.locale.split("-")[0].lower() if input.locale else None)
    items = _items(input, model, scores, chosen, pins=set(choice.pins), anchor=anchor, reasons=reasons)
    fallback = _fallback(input, history, scores, items)
    return RecommendationOutput(
        items=items,
        personalised=fallback in (None, "filtered"),
        fallback=fallback,
        missing_skus=_missing(input, model, history),
        attribution_token=_token(model, task.version, items),
        checks=findings(input, history, choice.barred, found=len(items), anchor_known=anchor is not None),
        provenance=Provenance(
            model=info.name,
            revision=info.revision or model.fingerprint,
            plugin=task.name,
            plugin_version=task.version,
            written_by="recommender",
            digital_source_type="default",
        ),
        usage=usage.as_usage(),
    )


def _language(
    input: RecommendationInput,
    model: ItemModel, history: ShopperHistory, anchor: int | None,
) -> str | None:  # fmt: skip
    """In which language the shopper reads: as asked, else that of the anchor, else of the newest item."""
    if input.locale:
        return input.locale.split("-")[0].lower()
    item = anchor if anchor is not None else newest_item(history)
    return None if item is None else model.catalogue.languages[item]


def choose(
    input: RecommendationInput,
    model: ItemModel, history: ShopperHistory, *, anchor: int | None, language: str | None,
) -> Choice:  # fmt: skip
    """Candidates, exclusions, filter, market, language, and what the shopper has."""
    catalogue = model.catalogue
    gone = set(catalogue.numbers(input.exclude)) | ({anchor} if anchor is not None else set())
    fits = catalogue.fits(input.filter) & catalogue.sold_in(input.market)
    seen = history.bought if input.seen == "exclude" else set()
    allowed = fits & ~catalogue.only(gone | seen)
    if input.candidates is not None:
        allowed &= catalogue.only(catalogue.numbers(input.candidates))
    elif language is not None:
        allowed &= catalogue.speaks(language)
    pins, barred = [], {}
    for sku in dict.fromkeys(input.business_rules.pin):
        number = catalogue.number_of.get(sku)
        if number is None:
            barred[sku] = "the catalogue has no such item"
        elif number in gone:
            barred[sku] = "it is excluded, or the anchor itself"
        elif number in seen:
            barred[sku] = "the shopper has it, and seen items are excluded"
        elif not fits[number]:
            barred[sku] = "the filter or the market leaves it out"
        else:
            pins.append(number)
    return Choice(allowed, pins, barred)


def _items(
    input: RecommendationInput,
    model: ItemModel, scores: Scores, chosen: list[int], *, pins: set[int], anchor: int | None, reasons: Reasons,
) -> tuple[RecommendedItem, ...]:  # fmt: skip
    best = max((float(scores.total[number]) for number in chosen), default=0.0)
    found = []
    for place, number in enumerate(chosen):
        item = model.catalogue.items[number]
        pinned = number in pins
        reason = reasons.of(number, pinned=pinned) if input.explain else None
        found.append(
            RecommendedItem(
                sku=item.sku,
                name=item.name,
                rank=place + 1,
                score=round(math.exp(float(scores.total[number]) - best), 6),
                source=_source(model, scores, number, pinned=pinned, anchor=anchor),
                reason=reason,
            )
        )
    return tuple(found)


def _source(model: ItemModel, scores: Scores, number: int, *, pinned: bool, anchor: int | None) -> Source:
    if pinned:
        return "pinned"
    if model.tables.is_cold[number]:
        return "content"
    if anchor is not None:
        return "similar"
    return "sequence" if scores.spoken_for[number] else "popular"


def _fallback(
    input: RecommendationInput,
    history: ShopperHistory,
    scores: Scores,
    items: tuple[RecommendedItem, ...],
) -> Literal["no_events", "unknown_items", "not_personalised", "filtered"] | None:
    if not input.personalize:
        return "not_personalised"
    if len(history.future) == len(input.events):
        return "no_events"
    if not scores.is_personal:
        return "unknown_items"
    return "filtered" if any(item.source == "popular" for item in items) else None


def _missing(input: RecommendationInput, model: ItemModel, history: ShopperHistory) -> tuple[str, ...]:
    """Of the events that were read, the anchor, the candidates and the pins; unknown exclusions do no harm."""
    named: Iterable[str] = (
        *history.missing,
        *([input.anchor_sku] if input.anchor_sku else ()),
        *(input.candidates or ()),
        *input.business_rules.pin,
    )
    return tuple(dict.fromkeys(sku for sku in named if sku not in model.catalogue.number_of))


def _token(model: ItemModel, version: str, items: tuple[RecommendedItem, ...]) -> str:
    """Nothing of the shopper goes into it: the same list from the same model has the same token."""
    answer = hashlib.sha256("\n".join(item.sku for item in items).encode()).hexdigest()[:16]
    return f"rec.{version}.{model.fingerprint}.{answer}"
