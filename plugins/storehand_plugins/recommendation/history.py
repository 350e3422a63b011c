"""A shopper's events, put in order: visits of known items, searches, and what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storehand.contracts.recommendation import UserEvent
from storehand_plugins.recommendation.catalogue import Catalogue
from storehand_plugins.recommendation.visits import KINDS, PURCHASE, VISIT_GAP_S, Visit, note

TOLERANCE = timedelta(days=1)
"""Clocks of shops and phones go wrong by hours; a day ahead is the future."""

SEARCHES = 5
"""The newest searches that count."""


@dataclass(frozen=True, slots=True)
class ShopperHistory:
    """`visits` oldest first. `is_open`: the shopper is still there. `future` are numbers of events from the future;
    `times` counts the visits on which each item was bought."""

    visits: tuple[Visit, ...]
    searches: tuple[str, ...]
    is_open: bool
    missing: tuple[str, ...]
    future: tuple[int, ...]
    times: dict[int, int]

    @property
    def bought(self) -> set[int]:
        return set(self.times)

    @property
    def is_empty(self) -> bool:
        return not self.visits and not self.searches


NOTHING = ShopperHistory((), (), is_open=True, missing=(), future=(), times={})


def read_history(events: Sequence[UserEvent], catalogue: Catalogue, *, now: datetime) -> ShopperHistory:
    """Sorts by time; an event without one stays behind the event it stood behind."""
    future = tuple(number for number, event in enumerate(events) if event.ts and event.ts > now + TOLERANCE)
    timed = _in_order([event for number, event in enumerate(events) if number not in set(future)])
    visits: list[Visit] = []
    searches: list[str] = []
    missing: dict[str, None] = {}
    last: float | None = None
    for at, event in timed:
        if event.type == "search":
            searches += [event.query] if event.query else []
            continue
        number = catalogue.number_of.get(event.sku or "")
        if number is None:
            missing[event.sku or ""] = None
            continue
        if not visits or (at is not None and last is not None and at - last > VISIT_GAP_S):
            visits.append({})
        note(visits[-1], number, KINDS[event.type])
        last = at if at is not None else last
    is_open = last is None or now.timestamp() - last <= VISIT_GAP_S
    newest = tuple(dict.fromkeys(reversed(searches)))[:SEARCHES]
    return ShopperHistory(tuple(visits), newest, is_open, tuple(missing), future, _times(visits))


def _in_order(events: Sequence[UserEvent]) -> list[tuple[float | None, UserEvent]]:
    """With the time that places each: its own, or that of the event it came after."""
    first = next((event.ts.timestamp() for event in events if event.ts), None)
    placed: list[tuple[float | None, UserEvent]] = []
    at = first
    for event in events:
        at = event.ts.timestamp() if event.ts else at
        placed.append((at, event))
    return placed if first is None else sorted(placed, key=lambda pair: pair[0] or 0.0)


def _times(visits: Sequence[Visit]) -> dict[int, int]:
    times: dict[int, int] = {}
    for visit in visits:
        for item, kind in visit.items():
            if kind == PURCHASE:
                times[item] = times.get(item, 0) + 1
    return times
