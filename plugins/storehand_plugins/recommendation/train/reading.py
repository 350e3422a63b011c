"""A shop's events and items as files say them: columns found by name, rows that can't be used counted by reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from storehand.errors import InvalidInput
from storehand_plugins.recommendation.catalogue import Item
from storehand_plugins.recommendation.train.files import Row, read_rows
from storehand_plugins.recommendation.train.histories import Events
from storehand_plugins.recommendation.train.products import read_items
from storehand_plugins.recommendation.visits import KINDS

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "shopper": ("shopper", "user_id", "userId", "user", "customer", "customer_id", "customerId", "CustomerID",
                "visitorId", "session_id"),
    "item": ("sku", "item", "item_id", "itemId", "product", "product_id", "productId", "StockCode"),
    "time": ("ts", "time", "timestamp", "event_time", "eventTime", "date", "InvoiceDate", "created_at"),
    "type": ("type", "event", "event_type", "eventType"),
    "quantity": ("quantity", "qty", "Quantity"),
}  # fmt: skip
"""What an event is made of, and the column names that are understood without being told."""

NEEDED = ("shopper", "item", "time")
_TYPES = {
    "view": "view", "detail-page-view": "view", "click": "view", "pv": "view", "page_view": "view",
    "cart": "cart", "add-to-cart": "cart", "add_to_cart": "cart", "fav": "cart",
    "purchase": "purchase", "buy": "purchase", "order": "purchase", "transaction": "purchase",
    "purchase-complete": "purchase", "review": "review", "search": "search",
}  # fmt: skip
_TOLERANCE = timedelta(days=1)


@dataclass(slots=True)
class Shop:
    """What was read. `dropped` counts rows by reason, `first_bad` keeps line and column of the first of each."""

    items: list[Item]
    events: Events
    shoppers: int
    dropped: Counter[str] = field(default_factory=Counter)
    first_bad: dict[str, tuple[int, str]] = field(default_factory=dict)

    def left_out(self) -> list[str]:
        """A line per reason, the most frequent first, with the place to look at."""
        return [f"{count:,} × {reason}{_where(self.first_bad.get(reason))}" for reason, count in
                self.dropped.most_common()]  # fmt: skip


class _Rows:
    """Collects usable events as numbers."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self.shoppers: dict[str, int] = {}
        self.skus: dict[str, int] = dict(known)
        self.columns: tuple[list[int], list[int], list[int], list[float]] = ([], [], [], [])
        self.dropped: Counter[str] = Counter()
        self.first_bad: dict[str, tuple[int, str]] = {}

    def drop(self, reason: str, line: int, column: str = "") -> None:
        self.dropped[reason] += 1
        self.first_bad.setdefault(reason, (line, column))

    def add(self, shopper: str, sku: str, kind: int, at: float) -> None:
        shoppers, items, kinds, times = self.columns
        shoppers.append(self.shoppers.setdefault(shopper, len(self.shoppers)))
        items.append(self.skus.setdefault(sku, len(self.skus)))
        kinds.append(kind)
        times.append(at)


def read_shop(
    events_file: Path, items_file: Path | None = None, *, columns: Mapping[str, str] | None = None,
    item_columns: Mapping[str, str] | None = None, exclude: frozenset[str] = frozenset(), now: datetime | None = None,
) -> Shop:  # fmt: skip
    """`columns` says which column is `shopper`, `item`, `time`, `type`, `quantity` where the name does not tell;
    `exclude` are skus that are no goods (postage, fees). InvalidInput where nothing can be learnt from the file."""
    products, item_drops = read_items(items_file, item_columns or {}) if items_file else ([], Counter())
    products = [item for item in products if item.sku not in exclude]
    rows = _Rows({item.sku: number for number, item in enumerate(products)})
    names: Mapping[str, str] = {}
    latest = ((now or datetime.now(UTC)) + _TOLERANCE).timestamp()
    for line, row in read_rows(events_file):
        names = names or _find_columns(row, columns or {}, events_file)
        _read_event(rows, line, row, names, exclude, latest)
    if not rows.columns[0]:
        raise InvalidInput(_nothing(events_file, rows))
    events = _sorted(rows)
    twice = len(rows.columns[0]) - len(events)
    if twice:
        rows.dropped["the same event again"] = twice
    items = _dated([*products, *(Item(sku=sku) for sku in list(rows.skus)[len(products) :])], events)
    return Shop(items, events, len(rows.shoppers), rows.dropped + item_drops, rows.first_bad)


def _find_columns(row: Row, told: Mapping[str, str], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    by_fold = {name.casefold(): name for name in row if isinstance(name, str)}
    for part, known in COLUMNS.items():
        if part in told:
            if told[part] not in row:
                raise InvalidInput(f"{path.name} has no column {told[part]!r}; it has {_list(row)}")
            found[part] = told[part]
        elif name := next((by_fold[each.casefold()] for each in known if each.casefold() in by_fold), None):
            found[part] = name
    missing = [part for part in NEEDED if part not in found]
    if missing:
        raise InvalidInput(
            f"{path.name}: no column found for {', '.join(missing)}; it has {_list(row)}",
            details={"advice": f"say which: --column {missing[0]}=NAME"},
        )
    return found


def _list(row: Row) -> str:
    return ", ".join(map(str, row)) or "none"


def _read_event(
    rows: _Rows, line: int, row: Row, names: Mapping[str, str], exclude: frozenset[str], latest: float
) -> None:
    shopper, sku = (_text(row.get(names[part])) for part in ("shopper", "item"))
    said = _text(row.get(names["type"])) if "type" in names else "purchase"
    kind = _TYPES.get(said.casefold().replace(" ", "-"))
    if kind is None:
        return rows.drop(f"unknown event type {said[:40]!r}" if said else "no event type", line, names.get("type", ""))
    if kind == "search":
        return rows.drop("search (used when serving, not in training)", line)
    if not shopper or not sku:
        return rows.drop("no item" if shopper else "no shopper", line, names["item" if shopper else "shopper"])
    if sku in exclude:
        return rows.drop("excluded item", line)
    if "quantity" in names and not _is_positive(row.get(names["quantity"])):
        return rows.drop("quantity is not above zero (a return?)", line, names["quantity"])
    at = read_time(row.get(names["time"]))
    if at is None:
        return rows.drop("no readable time", line, names["time"])
    if at > latest:
        return rows.drop("time in the future", line, names["time"])
    return rows.add(shopper, sku, KINDS[kind], at)


def _text(value: Any) -> str:
    """Numbers without a decimal point of nought: spreadsheets write customer 17850 as 17850.0."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else "" if math.isnan(value) else str(value)
    return str(value).strip() if value is not None else ""


def _is_positive(value: Any) -> bool:
    try:
        return value in (None, "") or float(value) > 0
    except (TypeError, ValueError):
        return False


def read_time(value: Any) -> float | None:
    """Epoch seconds of ISO 8601, epoch seconds or milliseconds; a time without a zone is UTC."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    text = _text(value)
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        at = number / 1000 if abs(number) > 1e11 else number
        return at if math.isfinite(at) and at > 0 else None
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _sorted(rows: _Rows) -> Events:
    shopper, item, kind = (np.array(column, np.int64) for column in rows.columns[:3])
    at = np.array(rows.columns[3], np.float64)
    order = np.lexsort((kind, item, at, shopper))
    events = Events(shopper[order], item[order], kind[order], at[order])
    if len(events) < 2:
        return events
    same = np.all([np.diff(column) == 0 for column in (events.shopper, events.item, events.kind, events.at)], axis=0)
    return events.where(np.concatenate([[True], ~same]))


def _dated(items: list[Item], events: Events) -> list[Item]:
    """The items with what the events know of each."""
    order = np.argsort(events.item, kind="stable")
    number, first = np.unique(events.item[order], return_index=True)
    groups = dict(zip(number.tolist(), np.split(order, first[1:]), strict=True))
    dated = []
    for index, item in enumerate(items):
        own = groups.get(index)
        if own is not None:
            shoppers, at = len(np.unique(events.shopper[own])), events.at[own]
            item = replace(item, shoppers=shoppers, first_seen=day(at.min()), last_seen=day(at.max()))
        dated.append(item)
    return dated


def day(at: float) -> str:
    """ISO date of epoch seconds."""
    return datetime.fromtimestamp(float(at), UTC).date().isoformat()


def _where(place: tuple[int, str] | None) -> str:
    if place is None:
        return ""
    line, column = place
    return f" (first in line {line:,}{f', column {column!r}' if column else ''})"


def _nothing(path: Path, rows: _Rows) -> str:
    reasons = [f"{count:,} × {reason}{_where(rows.first_bad.get(reason))}" for reason, count in
               rows.dropped.most_common(4)]  # fmt: skip
    return f"{path.name} has no event to learn from" + (f": {', '.join(reasons)}" if reasons else "")
