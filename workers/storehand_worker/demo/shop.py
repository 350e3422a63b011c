"""The demo's shop: catalogue, campaigns, reviews, shoppers and help desk, from the data beside the starter models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from itertools import chain, cycle, islice, zip_longest
from typing import Any, TypeVar

from storehand.contracts import (
    CopyInput,
    DescriptionInput,
    Product,
    RecommendationInput,
    Review,
    SentimentInput,
    TaskInput,
)
from storehand.errors import SettingsError

PACKAGE = "storehand_plugins.starter"
"""Named, not imported: the worker knows plugins by their entry points only."""

REVIEWS_PER_JOB = 10
RECOMMENDED = 3
_LANGUAGES = ("en", "zh")
_REVIEW_KEYS = ("id", "reviewBody", "reviewRating", "inLanguage")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """One job of the shop's nightly run. `label` says what it is about; `gold`: review id -> the label people gave."""

    language: str
    label: str
    input: TaskInput[Any]
    gold: Mapping[str, str] = field(default_factory=dict)

    @property
    def task(self) -> str:
        return self.input.task_name

    @property
    def units(self) -> int:
        """What the job counts for: reviews are counted one by one."""
        return len(self.input.reviews) if isinstance(self.input, SentimentInput) else 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one customer says, turn by turn; the help desk answers in between."""

    language: str
    turns: Sequence[str]
    order: Mapping[str, Any] | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """What the demo sends. `articles` is the help desk's knowledge."""

    bulk: Sequence[Asked]
    conversations: Sequence[Conversation]
    articles: Sequence[Mapping[str, Any]]

    def units(self) -> dict[str, int]:
        """Task -> how much there is to do."""
        found = {"chat": sum(len(each.turns) for each in self.conversations)}
        for asked in self.bulk:
            found[asked.task] = found.get(asked.task, 0) + asked.units
        return found


def load_shop(products: int, reviews: int) -> Shop:
    """So many products and reviews, both languages alternating; more than there are begin again, with another seed."""
    catalogue = [Product.model_validate(row) for row in _rows("catalogue.jsonl")]
    descriptions = islice(cycle(_alternating(catalogue, lambda product: product.language)), products)
    groups = _alternating(_groups(_rows("reviews.jsonl")), lambda asked: asked.language)
    by_sku = {product.sku: product for product in catalogue}
    bulk = [
        *(_description(product, seed) for seed, product in enumerate(descriptions)),
        *(_copy(row, by_sku) for row in _rows("campaigns.jsonl")),
        *(_recommendation(row, by_sku) for row in _rows("shoppers.jsonl")),
        *_first_reviews(cycle(groups), reviews),
    ]
    conversations = [_conversation(row, by_sku) for row in _rows("conversations.jsonl")]
    return Shop(bulk, conversations, [*_rows("knowledge_en.jsonl"), *_rows("knowledge_zh.jsonl")])


def fact_line(product: Product) -> str:
    """A product's facts on one line."""
    named = [product.brand, product.color, product.material, product.size]
    facts = [fact for fact in named if fact]
    facts += [
        each.name if each.value == "true" else f"{each.name} {each.value}{each.unit_code or ''}"
        for each in product.additional_property
    ]
    between = "，" if product.language == "zh" else ", "
    return between.join([product.name, *facts, *product.positive_notes])


def _rows(name: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file that comes with the starter models."""
    try:
        text = (resources.files(PACKAGE) / name).read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise SettingsError(f"{PACKAGE} has no {name}; install storehand with its plugins") from None
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _description(product: Product, seed: int) -> Asked:
    asked = DescriptionInput(product=product, fields=("title", "description", "bullets", "seo_title"), seed=seed)
    return Asked(product.language, fact_line(product), asked)


def _copy(row: Mapping[str, Any], by_sku: Mapping[str | None, Product]) -> Asked:
    given = {key: value for key, value in row.items() if key not in ("skus", "inLanguage")}
    products = [by_sku[sku] for sku in row["skus"]]
    given["campaign"] = _coming(given["campaign"])
    asked = CopyInput.model_validate({**given, "products": products, "locale": row["inLanguage"]})
    names = " + ".join(product.name for product in products)
    return Asked(row["inLanguage"], f"{asked.channel} · {asked.campaign.name} · {names}", asked)


def _coming(campaign: Mapping[str, Any]) -> dict[str, Any]:
    """The same campaign in a year to come, where this year's is over."""
    offer = dict(campaign.get("offer") or {})
    now = datetime.now(UTC)
    while "endsAt" in offer and datetime.fromisoformat(offer["endsAt"]) < now:
        for name in ("startsAt", "endsAt"):
            if name in offer:
                offer[name] = f"{int(offer[name][:4]) + 1}{offer[name][4:]}"
    return {**campaign, **({"offer": offer} if offer else {})}


def _recommendation(row: Mapping[str, Any], by_sku: Mapping[str | None, Product]) -> Asked:
    given = {key: value for key, value in row.items() if key not in ("who", "inLanguage")}
    language = row["inLanguage"]
    skus = [sku for sku, product in by_sku.items() if sku and product.language == language]
    asked = RecommendationInput.model_validate({**given, "candidates": skus, "k": RECOMMENDED, "locale": language})
    did = [
        _did(event.type, event.query or by_sku[event.sku].name) for event in asked.events if event.query or event.sku
    ]
    return Asked(language, f"{row['who']}: {', '.join(did)}" if did else row["who"], asked)


def _did(kind: str, what: str) -> str:
    return f"{kind} “{what}”"


def _conversation(row: Mapping[str, Any], by_sku: Mapping[str | None, Product]) -> Conversation:
    return Conversation(row["inLanguage"], row["turns"], row.get("order"), by_sku.get(row.get("sku")))


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[Asked]:
    """Ten reviews of one product and language to a job."""
    by_product: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_product.setdefault((row["product"], row["inLanguage"]), []).append(row)
    for (product, language), found in by_product.items():
        for start in range(0, len(found), REVIEWS_PER_JOB):
            yield _group(product, language, found[start : start + REVIEWS_PER_JOB])


def _group(product: str, language: str, rows: Sequence[Mapping[str, Any]]) -> Asked:
    reviews = [Review.model_validate({key: row[key] for key in _REVIEW_KEYS if key in row}) for row in rows]
    gold = {row["id"]: row["label"] for row in rows if row.get("label")}
    return Asked(language, product, SentimentInput(reviews=tuple(reviews)), gold)


def _first_reviews(groups: Iterable[Asked], count: int) -> Iterator[Asked]:
    """Groups until there are so many reviews; the last one may be cut."""
    for group in groups:
        assert isinstance(group.input, SentimentInput)
        kept = group.input.reviews[:count]
        gold = {review.id: group.gold[review.id] for review in kept if review.id in group.gold}
        yield Asked(group.language, group.label, SentimentInput(reviews=kept), gold)
        count -= len(kept)
        if count == 0:
            return


def _alternating(items: Iterable[T], language: Callable[[T], str]) -> Iterator[T]:
    """English, Chinese, English ...; what one language has more comes at the end."""
    kept = list(items)
    lines = [[item for item in kept if language(item) == wanted] for wanted in _LANGUAGES]
    others = [item for item in kept if language(item) not in _LANGUAGES]
    pairs = chain.from_iterable(zip_longest(*lines))
    return chain((item for item in pairs if item is not None), others)
