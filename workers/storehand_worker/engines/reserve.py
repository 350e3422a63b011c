"""Slots that are kept free for the next interactive request."""

from __future__ import annotations

from storehand.engine import EngineSpec
from storehand.errors import SettingsError

RESERVED_SHARE = 8
"""One slot in so many, where the option `reserved_slots` does not say how many."""


def reserved_slots(spec: EngineSpec, asked: object = None) -> int:
    """`asked` is the option's value. SettingsError where it leaves no slot to others, who would wait for ever."""
    slots = spec.binding.slots
    if asked is None:
        return slots // RESERVED_SHARE
    if not isinstance(asked, int) or not 0 <= asked < slots:
        raise SettingsError(
            f"models.{spec.role}.options.reserved_slots is {asked!r}; of {slots} slots at most {slots - 1} can be "
            "reserved for interactive requests"
        )
    return asked
