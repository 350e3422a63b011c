"""From a cell to the value of one place in the contract: by the place's name where shops have ways of their own, else
by its kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from storehand.bulk import cells, names
from storehand.bulk.contract import Target

_PROPERTY = ("name", "value", "unitCode")


@dataclass(slots=True)
class Converter:
    """`currency` is that of prices which name none, `zone` that of dates which name none. `notes` counts what was left
    out or shortened, in words for the summary."""

    currency: str | None = None
    zone: tzinfo = UTC
    notes: Counter[str] = field(default_factory=Counter)

    def place(self, document: dict[str, Any], target: Target, cell: Any, *, currency: str | None = None) -> None:
        """Sets the value of a cell that is not empty; what is there already stays, lists grow."""
        steps = target.path.split(".")
        tail = steps[-1]
        if tail in ("offers", "price") and "offers" in steps:
            offer = self._offer(cell, currency)
            if offer:
                _merge(document, steps[: steps.index("offers") + 1], offer)
            return
        if tail == "suggestedGender":
            _merge(document, steps[:-1], {tail: cells.as_gender(cell)})
        elif tail == "audience" and target.kind == "object":
            ages = cell if isinstance(cell, dict) else cells.as_ages(cell)
            known = {name: age for name, age in ages.items() if name.startswith("suggested")}
            _merge(document, steps, known) if known else self.notes.update([f"audience {str(cell)[:30]!r} left out"])
        else:
            _put(document, steps, self._value(target, tail, cell), grows=target.kind in ("texts", "objects"))

    def _value(self, target: Target, tail: str, cell: Any) -> Any:
        by_name: dict[str, Callable[[Any], Any]] = {
            "availability": cells.as_availability,
            "reviewRating": cells.as_rating,
            "additionalProperty": _properties,
            "role": lambda value: names.meaning(value, names.ROLES),
        }
        if tail in by_name:
            return by_name[tail](cell)
        if target.path == "events.type":
            return names.meaning(cell, names.EVENTS)
        if tail == "description" and target.kind == "text":
            return self._shortened(cells.plain(cell), target.max_chars)
        if tail == "category" and isinstance(cell, list):
            return cell
        return self._by_kind(target, cell)

    def _by_kind(self, target: Target, cell: Any) -> Any:
        if target.kind == "text":
            text = cells.as_text(cell)
            return cells.plain(text) if target.path.endswith(("name", "reviewBody", "content")) else text
        if target.kind == "texts":
            return cells.as_list(cell)
        if target.kind == "moment":
            return cells.as_moment(cell, self.zone)
        if target.kind == "boolean":
            return cells.as_boolean(cell)
        if target.kind == "number" and isinstance(cell, str):
            return cell.strip()
        return cells.as_json(cell)

    def _offer(self, cell: Any, currency: str | None) -> dict[str, Any]:
        """An offer that says its currency; a price without one is left out and counted."""
        cell = cells.as_json(cell)
        if isinstance(cell, list) and cell:
            cell = cell[0]
        offer = dict(cell) if isinstance(cell, dict) else {"price": cell}
        amount, told = cells.as_price(offer.get("price", offer.get("lowPrice", "")))
        if told and self.currency and re.search("[$¥￥]", str(offer.get("price", ""))):
            told = self.currency  # signs that several currencies share
        found = offer.get("priceCurrency") or told or currency or self.currency
        kept = {"price": amount} if not cells.is_empty(amount) else {}
        if "availability" in offer:
            kept["availability"] = cells.as_availability(offer["availability"])
        return {**kept, "priceCurrency": found} if found and kept else kept

    def _shortened(self, text: Any, most: int | None) -> Any:
        if isinstance(text, str) and most and len(text) > most:
            self.notes[f"present description cut to {most} characters"] += 1
            return text[:most].rstrip()
        return text

    def finish(self, product: Any) -> None:
        """Called once all cells of a product are placed: half an offer is none."""
        offers = product.get("offers") if isinstance(product, dict) else None
        if not isinstance(offers, dict) or ("price" in offers and "priceCurrency" in offers):
            return
        if "price" in offers:
            if self.currency:
                offers["priceCurrency"] = self.currency
                return
            self.notes["price left out: its currency is not known (--currency CNY)"] += 1
        del product["offers"]


def _properties(cell: Any) -> Any:
    found = cells.as_details(cell)
    if isinstance(found, dict):
        return [{"name": name, "value": _plain(value)} for name, value in found.items() if not cells.is_empty(value)]
    if isinstance(found, list):
        return [
            {name: each[name] for name in _PROPERTY if name in each} if isinstance(each, dict) else each
            for each in found
        ]
    return found


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else cells.as_text(value)


def attribute(name: str, cell: Any) -> dict[str, Any]:
    """A column as a named attribute."""
    return {"name": name.strip(), "value": _plain(cells.plain(cell) if isinstance(cell, str) else cell)}


def _node(document: dict[str, Any], steps: list[str]) -> dict[str, Any]:
    for step in steps:
        held = document.get(step)
        if not isinstance(held, dict):  # `product` may be given as one line of text: it is the name then
            held = document[step] = {"name": held} if isinstance(held, str) else {}
        document = held
    return document


def _merge(document: dict[str, Any], steps: list[str], values: dict[str, Any]) -> None:
    node = _node(document, steps)
    for name, value in values.items():
        node.setdefault(name, value)


def _put(document: dict[str, Any], steps: list[str], value: Any, *, grows: bool) -> None:
    if cells.is_empty(value):
        return
    node = _node(document, steps[:-1])
    held = node.get(steps[-1])
    if grows and isinstance(held, list) and isinstance(value, list):
        node[steps[-1]] = [*held, *value]
    else:
        node.setdefault(steps[-1], value)
