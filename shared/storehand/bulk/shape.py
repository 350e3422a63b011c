"""How rows become one job of a task: what a row is, where it goes, how many fit, what the shop calls its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from storehand.bulk import names


@dataclass(frozen=True, slots=True)
class Shape:
    """`item` is the list that each row adds one element to (none: a row is a whole job); `limit` elements fit in one
    job, what is over is `split` into more jobs or only the `last` stay. Rows with the same value of `group` (a path)
    belong together. `known` maps paths to folded column names; `bare` is put before a path that names no root."""

    item: str | None = None
    limit: int = 1
    over: Literal["split", "last"] = "split"
    group: str | None = None
    bare: str = ""
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    """Paths that name a row, best first."""
    attributes: str | None = None
    """Where columns without a name in the contract may go."""


SHAPES: Mapping[str, Shape] = {
    "description": Shape(
        bare="product.", known=names.table(names.PRODUCT, "product."), ids=("product.sku", "product.gtin"),
        attributes="product.additionalProperty",
    ),
    "copy": Shape(
        item="products", limit=20, bare="products.", known=names.table(names.PRODUCT, "products."),
        ids=("products.sku", "products.gtin"), attributes="products.additionalProperty",
    ),
    "sentiment": Shape(
        item="reviews", limit=500, bare="reviews.", ids=("reviews.id",),
        known={**names.table(names.REVIEW, "reviews."), **names.table(names.REVIEWED_PRODUCT, "product.")},
    ),
    "recommendation": Shape(
        item="events", limit=1000, over="last", bare="events.", group="userId", ids=("userId",),
        known={**names.table(names.EVENT, "events."), **names.table({"userId": names.USER_ID})},
    ),
    "chat": Shape(
        item="messages", limit=200, over="last", bare="messages.", group="conversationId", ids=("conversationId",),
        known={**names.table(names.MESSAGE, "messages."), **names.table({"conversationId": names.CONVERSATION_ID})},
    ),
}  # fmt: skip


def shape_of(task: str) -> Shape:
    """A plugin's task takes one row per job, its columns by their paths."""
    return SHAPES.get(task, Shape())
