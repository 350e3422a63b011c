"""The demo's shop: products and reviews in Chinese and English, from the data that comes with the starter models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import chain, cycle, islice, zip_longest
from typing import Any, TypeVar

from storehand.contracts import DescriptionInput, Product, Review, SentimentInput
from storehand.errors import SettingsError

PACKAGE = "storehand_plugins.starter"
"""Named, not imported: the worker knows plugins by their entry points only."""

REVIEWS_PER_JOB = 10
_LANGUAGES = ("en", "zh")
_REVIEW_KEYS = ("id", "reviewBody", "reviewRating", "inLanguage")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """The reviews of one product, as one job. `gold`: review id -> the label a person gave."""

    product: str
    language: str
    input: SentimentInput
    gold: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the demo sends."""

    products: Sequence[DescriptionInput]
    groups: Sequence[ReviewGroup]


def load_shop(products: int, reviews: int) -> Shop:
    """So many products and reviews, both languages alternating; more than there are begin again, with another seed."""
    catalogue = [_product(row) for row in _rows("catalogue.jsonl")]
    chosen = islice(cycle(_alternating(catalogue, lambda product: product.language)), products)
    inputs = [DescriptionInput(product=product, seed=number) for number, product in enumerate(chosen)]
    groups = _alternating(_groups(_rows("reviews.jsonl")), lambda group: group.language)
    return Shop(inputs, list(_first_reviews(cycle(groups), reviews)))


def _rows(name: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file that comes with the starter models."""
    try:
        text = (resources.files(PACKAGE) / name).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise SettingsError(f"{PACKAGE} has no {name}; install storehand with its plugins") from None
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _product(row: Mapping[str, Any]) -> Product:
    return Product.model_validate(row.get("product", row))


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[ReviewGroup]:
    """Ten reviews of one product and language to a job."""
    by_product: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_product.setdefault((row["product"], row["inLanguage"]), []).append(row)
    for (product, language), found in by_product.items():
        for start in range(0, len(found), REVIEWS_PER_JOB):
            yield _group(product, language, found[start : start + REVIEWS_PER_JOB])


def _first_reviews(groups: Iterable[ReviewGroup], count: int) -> Iterator[ReviewGroup]:
    """Groups until there are so many reviews; the last one may be cut."""
    for group in groups:
        kept = group.input.reviews[:count]
        gold = {review.id: group.gold[review.id] for review in kept if review.id in group.gold}
        yield ReviewGroup(group.product, group.language, SentimentInput(reviews=kept), gold)
        count -= len(kept)
        if count == 0:
            return


def _group(product: str, language: str, rows: Sequence[Mapping[str, Any]]) -> ReviewGroup:
    reviews = [Review.model_validate({key: row[key] for key in _REVIEW_KEYS if key in row}) for row in rows]
    gold = {row["id"]: row["label"] for row in rows if row.get("label")}
    return ReviewGroup(product, language, SentimentInput(reviews=tuple(reviews)), gold)


def _alternating(items: Iterable[T], language: Callable[[T], str]) -> Iterator[T]:
    """English, Chinese, English ...; what one language has more comes at the end."""
    kept = list(items)
    lines = [[item for item in kept if language(item) == wanted] for wanted in _LANGUAGES]
    others = [item for item in kept if language(item) not in _LANGUAGES]
    pairs = chain.from_iterable(zip_longest(*lines))
    return chain((item for item in pairs if item is not None), others)
