"""Inputs that warm the model up, document the task and feed the contract kit."""

from __future__ import annotations

from datetime import UTC, datetime

from storehand.contracts.recommendation import BusinessRules, RecommendationInput, UserEvent

EXAMPLES = (
    RecommendationInput(
        events=(
            UserEvent(type="purchase", sku="EN-002", ts=datetime(2025, 3, 2, 9, 30, tzinfo=UTC)),
            UserEvent(type="view", sku="EN-012", ts=datetime(2025, 3, 20, 18, 5, tzinfo=UTC)),
            UserEvent(type="cart", sku="EN-012", ts=datetime(2025, 3, 20, 18, 9, tzinfo=UTC)),
        ),
        k=5,
        locale="en",
    ),
    RecommendationInput(
        events=(
            UserEvent(type="purchase", sku="ZH-012", ts=datetime(2025, 2, 8, 12, 0, tzinfo=UTC)),
            UserEvent(type="search", query="保温杯 送长辈", ts=datetime(2025, 2, 15, 20, 30, tzinfo=UTC)),
        ),
        k=5,
        seen="allow",
        diversity=0.3,
        locale="zh-CN",
    ),
    RecommendationInput(anchor_sku="ZH-015", k=4, business_rules=BusinessRules(pin=("ZH-024",)), personalize=False),
    RecommendationInput(k=3, locale="en-GB"),
)
