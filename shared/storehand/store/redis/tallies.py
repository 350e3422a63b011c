"""What waits and runs, by task and priority: counted as it happens, so a look costs the same with a million rows.

A program one version behind counts nothing. Where the sets it does keep say otherwise, and in a store from before
there were counts, the rows in question are looked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.store.redis.group import Group
from storehand.store.redis.rows import tally_of
from storehand.store.state import Tally

_CHUNK = 500
"""Rows looked at in one call: nobody else is served meanwhile."""

_NEWEST = 1e18


def tallies(group: Group) -> list[Tally]:
    kinds, short, short_running = group.run("tallies")
    if short or short_running:
        if short > 0:
            _put_in(group, short)
        elif short < 0:
            _take_out(group, -short, [kind for kind, *_ in kinds or ()])
        group.run("rerun")
        kinds, _, _ = group.run("tallies")
    return sorted(map(tally_of, kinds or ()), key=_order)


def _order(tally: Tally) -> tuple[str, str]:
    return tally.task, tally.priority


def _put_in(group: Group, wanted: int) -> None:
    """Newest first: what an older program has just created is what is missing."""
    below: Any = _NEWEST
    while wanted > 0 and below is not False:
        added, below = group.run("retally", below, _CHUNK)
        wanted -= added


def _take_out(group: Group, wanted: int, kinds: Sequence[str]) -> None:
    for kind in kinds:
        place: Any = 0
        while wanted > 0 and place is not False:
            removed, place = group.run("untally", kind, place, _CHUNK)
            wanted -= removed
