"""What doctor's checks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from storehand.settings import Settings


class Light(StrEnum):
    """How a check came out. Yellow works but deserves a look; grey could not be looked at, or does not apply."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of doctor's table; `advice` says what to do where it is not green."""

    area: str
    name: str
    light: Light
    detail: str
    advice: str = ""


Probe = Callable[[Settings], Iterable[Check]]
"""Looks at one area and changes nothing. An exception becomes a red line of its own."""
