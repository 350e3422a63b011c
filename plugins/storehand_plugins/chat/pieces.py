"""The parts of a message that asks several things at once."""

from __future__ import annotations

import re

from storehand_plugins.chat.patterns import plain

_BORDER = re.compile(
    r"[?？!！。;；,，、\n]+|\.(?=\s|$)|\b(?:and|also|plus)\b|以及|还有(?!吗|没|货)|另外|并且|而且", re.IGNORECASE
)
_ASKS = re.compile(
    r"\b(how|what|when|where|which|who|why|can|could|do|does|did|is|are|will|would|has|have|may|should)\b"
    r"|吗|呢|么|多|几|什么|哪|怎|能|可以|会|有没有|是否|是不是|(.)不\2"
)


def pieces(text: str) -> list[str]:
    """Between marks and words that add; those without a letter are left out."""
    return [piece.strip() for piece in _BORDER.split(text) if piece and any(map(str.isalnum, piece))]


def asks(piece: str) -> bool:
    """Whether it has the form of a question."""
    return _ASKS.search(plain(piece)) is not None
