"""Typed inputs and outputs of the built-in tasks."""

from storehand.contracts.base import Check, Model, Provenance, TaskInput, TaskOutput, Usage
from storehand.contracts.description import (
    AttributeCheck,
    DescriptionInput,
    DescriptionOutput,
    DescriptionVariant,
    UnsupportedClaim,
)
from storehand.contracts.product import Product, PropertyValue
from storehand.contracts.sentiment import (
    Evidence,
    Overall,
    Point,
    Rating,
    Review,
    ReviewSentiment,
    SentimentInput,
    SentimentOutput,
)

INPUTS: dict[str, type[TaskInput[TaskOutput]]] = {  # built-in tasks the client can check before sending
    "description": DescriptionInput,  # type: ignore[dict-item]  # a TaskInput of its own output
    "sentiment": SentimentInput,  # type: ignore[dict-item]  # likewise
}

__all__ = [
    "INPUTS",
    "AttributeCheck",
    "Check",
    "DescriptionInput",
    "DescriptionOutput",
    "DescriptionVariant",
    "Evidence",
    "Model",
    "Overall",
    "Point",
    "Product",
    "PropertyValue",
    "Provenance",
    "Rating",
    "Review",
    "ReviewSentiment",
    "SentimentInput",
    "SentimentOutput",
    "TaskInput",
    "TaskOutput",
    "UnsupportedClaim",
    "Usage",
]
