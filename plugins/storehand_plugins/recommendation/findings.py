"""What a request asked for and could not have, as checks of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from storehand.contracts.base import Check
from storehand.contracts.recommendation import RecommendationInput
from storehand_plugins.recommendation.history import ShopperHistory


def findings(
    input: RecommendationInput,
    history: ShopperHistory, barred: Mapping[str, str], *, found: int, anchor_known: bool,
) -> tuple[Check, ...]:  # fmt: skip
    checks = []
    if history.future:
        first = input.events[history.future[0]].ts
        checks.append(_check(
            "future_event", "warn", f"input.events[{history.future[0]}].ts", first.isoformat() if first else "",
            f"{len(history.future)} of {len(input.events)} events lie in the future and were left out",
            "check the clock that stamps the events",
        ))  # fmt: skip
    if input.anchor_sku and not anchor_known:
        checks.append(_check(
            "unknown_anchor", "warn", "input.anchorSku", input.anchor_sku,
            "the catalogue has no such item; these are the shopper's own recommendations, or popular items",
            "train the recommender again with today's items",
        ))  # fmt: skip
    for sku, why in barred.items():
        checks.append(_check("pin_left_out", "warn", "input.businessRules.pin", sku, why))
    if not found:
        checks.append(_check("nothing_left", "warn", "items", "", "no item passes what was asked for"))
    elif found < input.k:
        basis = f"{input.k} items were asked for, {found} pass what was asked for"
        checks.append(_check("fewer_items", "info", "items", "", basis))
    return tuple(checks)


def _check(
    rule: str, severity: Literal["info", "warn"], field: str, text: str, basis: str, suggestion: str | None = None
) -> Check:
    return Check(
        rule=rule, severity=severity, field=field, start=0, end=len(text), text=text, basis=basis,
        suggestion=suggestion,
    )  # fmt: skip
