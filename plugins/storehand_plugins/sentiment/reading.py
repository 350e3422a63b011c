"""What of a review is read: its visible text, without orders to a machine; and the way back to the original."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from storehand_plugins.checks import Personal, Span, Visible, find_injection, find_personal, is_mojibake, visible
from storehand_plugins.sentiment.traditional import SIMPLIFIED

_SENTENCE_END = re.compile(r"[。！？!?\n\r…]+|\.+(?=\s|$|[^\x00-\x7f])")
ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\u4e00-\u9fff]+", re.IGNORECASE)
"""A link says nothing about a product."""

_WIDE = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B)}
_SAME = str.maketrans("’‘`＇", "''''") | _WIDE | SIMPLIFIED


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is the visible body in which blanks stand for orders to a machine; offsets into it become offsets into
    the body by `span`. `folded` is as long: lower case, half width, simplified characters."""

    body: str
    text: str
    folded: str
    seen: Visible
    injections: tuple[Span, ...]
    personal: tuple[Personal, ...]
    is_mojibake: bool

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets into the body."""
        return self.seen.span(start, end) if self.seen.removed else (start, end)

    def is_quotable(self, start: int, end: int) -> bool:
        """Whether characters `start` to `end` of the text are free of personal data: a quote may be published."""
        start, end = self.span(start, end)
        return not any(each.start < end and start < each.end for each in self.personal)


def read(body: str) -> Reading:
    """Looks at one review, and at nothing else."""
    seen = visible(body)
    injections = tuple(find_injection(body))
    text = _without(seen, injections) if injections else seen.text
    return Reading(body, text, folded(text), seen, injections, tuple(find_personal(body)), is_mojibake(body))


def folded(text: str) -> str:
    """Lower case, half width, simplified characters; each character stays in its place."""
    lower = text.lower()
    if len(lower) != len(text):  # "İ" becomes two characters
        lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return lower if lower.isascii() else lower.translate(_SAME)


def _without(seen: Visible, injections: tuple[Span, ...]) -> str:
    """Blanks out the whole sentences: what stands around an order belongs to it."""
    text = seen.text
    edges = [0, *(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]
    pieces = []
    for start, end in pairwise(edges):
        if start == end:
            continue
        first, last = seen.span(start, end)
        is_hit = any(found.start < last and first < found.end for found in injections)
        pieces.append(" " * (end - start) if is_hit else text[start:end])
    return "".join(pieces)


def has_han(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)
