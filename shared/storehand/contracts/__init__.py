"""Typed inputs and outputs of the built-in tasks. Each is loaded at its first use: a backend sends few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_NAMES = {
    "base": ("Check", "Model", "Provenance", "TaskInput", "TaskOutput", "Usage"),
    "description": (
        "AttributeCheck",
        "DescriptionInput",
        "DescriptionOutput",
        "DescriptionVariant",
        "UnsupportedClaim",
    ),
    "product": ("Product", "PropertyValue"),
    "sentiment": (
        "Evidence",
        "Overall",
        "Point",
        "Rating",
        "Review",
        "ReviewSentiment",
        "SentimentInput",
        "SentimentOutput",
    ),
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

    _CLASSES: Mapping[str, str] = {"description": "DescriptionInput", "sentiment": "SentimentInput"}

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
