"""Typed inputs and outputs of the built-in tasks. Each is loaded at its first use: a backend sends few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from storehand.job import Priority

if TYPE_CHECKING:
    from storehand.contracts.base import Check, Generation, Model, Provenance, TaskInput, TaskOutput, Usage
    from storehand.contracts.chat import (
        Article,
        ChatInput,
        ChatMessage,
        ChatOutput,
        Citation,
        Complaint,
        Handoff,
        MessageSentiment,
        Order,
        OrderItem,
    )
    from storehand.contracts.claim import UnsupportedClaim
    from storehand.contracts.copy import Campaign, CampaignOffer, CopyInput, CopyOutput, CopyVariant, OfferFact
    from storehand.contracts.description import (
        AttributeCheck,
        DescriptionInput,
        DescriptionOutput,
        DescriptionVariant,
        Length,
    )
    from storehand.contracts.product import Audience, Offer, Product, PropertyValue
    from storehand.contracts.recommendation import (
        BusinessRules,
        ItemFilter,
        Reason,
        RecommendationInput,
        RecommendationOutput,
        RecommendedItem,
        UserEvent,
    )
    from storehand.contracts.sentiment import (
        AspectOpinion,
        Evidence,
        Improvement,
        Keyword,
        Overall,
        Point,
        Rating,
        Review,
        ReviewSentiment,
        SentimentInput,
        SentimentOutput,
        TrendPeriod,
    )
    from storehand.contracts.user import RecentItem, User

__all__ = [
    "INPUTS",
    "Article",
    "AspectOpinion",
    "AttributeCheck",
    "Audience",
    "BusinessRules",
    "Campaign",
    "CampaignOffer",
    "ChatInput",
    "ChatMessage",
    "ChatOutput",
    "Check",
    "Citation",
    "Complaint",
    "CopyInput",
    "CopyOutput",
    "CopyVariant",
    "DescriptionInput",
    "DescriptionOutput",
    "DescriptionVariant",
    "Evidence",
    "Generation",
    "Handoff",
    "Improvement",
    "ItemFilter",
    "Keyword",
    "Length",
    "MessageSentiment",
    "Model",
    "Offer",
    "OfferFact",
    "Order",
    "OrderItem",
    "Overall",
    "Point",
    "Product",
    "PropertyValue",
    "Provenance",
    "Rating",
    "Reason",
    "RecentItem",
    "RecommendationInput",
    "RecommendationOutput",
    "RecommendedItem",
    "Review",
    "ReviewSentiment",
    "SentimentInput",
    "SentimentOutput",
    "TaskInput",
    "TaskOutput",
    "TrendPeriod",
    "UnsupportedClaim",
    "Usage",
    "User",
    "UserEvent",
    "default_priority",
]

_NAMES = {
    "base": ("Check", "Generation", "Model", "Provenance", "TaskInput", "TaskOutput", "Usage"),
    "chat": (
        "Article",
        "ChatInput",
        "ChatMessage",
        "ChatOutput",
        "Citation",
        "Complaint",
        "Handoff",
        "MessageSentiment",
        "Order",
        "OrderItem",
    ),
    "claim": ("UnsupportedClaim",),
    "copy": ("Campaign", "CampaignOffer", "CopyInput", "CopyOutput", "CopyVariant", "OfferFact"),
    "description": ("AttributeCheck", "DescriptionInput", "DescriptionOutput", "DescriptionVariant", "Length"),
    "product": ("Audience", "Offer", "Product", "PropertyValue"),
    "recommendation": (
        "BusinessRules",
        "ItemFilter",
        "Reason",
        "RecommendationInput",
        "RecommendationOutput",
        "RecommendedItem",
        "UserEvent",
    ),
    "sentiment": (
        "AspectOpinion",
        "Evidence",
        "Improvement",
        "Keyword",
        "Overall",
        "Point",
        "Rating",
        "Review",
        "ReviewSentiment",
        "SentimentInput",
        "SentimentOutput",
        "TrendPeriod",
    ),
    "user": ("RecentItem", "User"),
}
_HOME = {name: f"storehand.contracts.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'storehand.contracts' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Inputs(Mapping[str, "type[TaskInput[Any]]"]):
    """Task name -> input type; knowing the name loads nothing."""

    _CLASSES: Mapping[str, str] = {
        "chat": "ChatInput",
        "copy": "CopyInput",
        "description": "DescriptionInput",
        "recommendation": "RecommendationInput",
        "sentiment": "SentimentInput",
    }

    def __getitem__(self, task: str) -> type[TaskInput[Any]]:
        found: type[TaskInput[Any]] = __getattr__(self._CLASSES[task])
        return found

    def __contains__(self, task: object) -> bool:
        return task in self._CLASSES

    def __iter__(self) -> Iterator[str]:
        return iter(self._CLASSES)

    def __len__(self) -> int:
        return len(self._CLASSES)


INPUTS: Mapping[str, type[TaskInput[Any]]] = _Inputs()
"""Built-in tasks, which the client can check before sending."""


def default_priority(task: str) -> Priority:
    """What a job gets that names none."""
    return INPUTS[task].default_priority if task in INPUTS else Priority.STANDARD
