"""What a generated text says and its input does not support."""

from __future__ import annotations

from typing import Literal

from storehand.contracts.base import Model

ClaimKind = Literal["number", "unit", "material", "comparison", "certification", "other"]


class UnsupportedClaim(Model):
    """A piece of text that the input does not support: characters `start` to `end` of `field`."""

    text: str
    field: str
    start: int
    end: int
    kind: ClaimKind
