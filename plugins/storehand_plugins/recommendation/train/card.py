"""The model card: what the recommender learnt from, how good it is beside plain floors, how to use and repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from storehand_plugins.recommendation.train.building import Built
from storehand_plugins.recommendation.train.measuring import Figures
from storehand_plugins.recommendation.train.reading import Shop, day
from storehand_plugins.recommendation.visits import CART, PURCHASE, VIEW

PROTOCOLS = {
    "exclude": "only items the shopper never had (`seen: exclude`)",
    "allow": "any item, bought before or not (`seen: allow`)",
}
_KINDS = {VIEW: "views", CART: "carts", PURCHASE: "purchases"}


def facts(shop: Shop) -> dict[str, Any]:
    """What there was to learn from, for the card and the folder's storehand.json."""
    events = shop.events
    kinds = {name: int((events.kind == kind).sum()) for kind, name in _KINDS.items() if (events.kind == kind).any()}
    return {
        "events": len(events),
        **kinds,
        "shoppers": shop.shoppers,
        "first_event": day(float(events.at.min())),
        "last_event": day(float(events.at.max())),
        "cold_items": len(shop.items) - len(np.unique(events.item)),
        "dropped": dict(shop.dropped.most_common()),
    }


def figure_rows(rows: Mapping[str, Figures]) -> Iterable[tuple[str, ...]]:
    """Name, HR@10, NDCG@10, recall@10, coverage; as text."""
    for name, each in rows.items():
        yield name, f"{each.hit_rate:.3f}", f"{each.ndcg:.3f}", f"{each.recall:.3f}", f"{each.coverage:.3f}"


def write_card(shop: Shop, built: Built, *, title: str, note: str, command: str, minutes: float) -> str:
    """The README of the folder, in Markdown."""
    about = facts(shop)
    shape = built.network.shape
    lines = [
        f"# {title}",
        "",
        *([note, ""] if note else []),
        f"A recommender for {len(built.catalogue):,} items, written by `storehand train recommender`. Bind it in the",
        "settings:",
        "",
        "    [models.recommender]",
        '    model = "PATH/TO/THIS/FOLDER"',
        "",
        "## What it learnt from",
        "",
        "| fact | value |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {_value(value)} |" for name, value in about.items() if name != "dropped"),
        *(f"| left out: {reason} | {count:,} |" for reason, count in about["dropped"].items()),
        "",
        "## What it is",
        "",
        f"A causal transformer ({shape.layers} layers x {shape.width}) that reads the newest {shape.limit} tokens of a",
        "shopper's visits; the last state times an item's vector is the item's score. Beside it counts: bought",
        "together, bought on the visit after, popularity ever and lately, the shopper's own habits, likeness of texts.",
        f"What each of them weighs was learnt from validation. {built.epochs} epochs, {minutes:.1f} minutes in all.",
        "",
    ]
    lines += _figures(built)
    lines += ["## Train it again", "", f"    {command}", ""]
    return "\n".join(lines)


def _figures(built: Built) -> list[str]:
    if built.validated_from is None:
        return ["## Figures", "", "None: too few shoppers came back to validate on. The weights are defaults.", ""]
    lines = [
        "## Figures",
        "",
        f"Time split: trained on what came before {day(built.validated_from)}, asked for each returning shopper's",
        "first visit after it, all items ranked. The weights of the blend were learnt on the other half of these",
        "shoppers, the number of epochs on all of them, so the figures are a little kind. The model in this folder",
        "then learnt from everything.",
        "",
    ]
    for seen, rows in built.figures.items():
        n = next(iter(rows.values())).n
        lines += [f"{PROTOCOLS[seen].capitalize()}, {n:,} shoppers:", ""]
        lines += ["| | HR@10 | NDCG@10 | recall@10 | coverage |", "|---|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in figure_rows(rows)]
        lines.append("")
    return lines


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
