"""Where sentences end, in English and Chinese."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

_END = re.compile(r"[。！？]+[”’」』)）]*|(?<![.!?])[.!?]++[\"')\]]*+(?=\s|$)|\n+")


@lru_cache(maxsize=64)
def sentence_at(text: str) -> Callable[[int], tuple[int, int]]:
    """The span of the sentence that holds a place of the text; of white space between two, that of the one before."""
    spans = split_sentences(text)
    starts = [start for start, _ in spans]

    def span(place: int) -> tuple[int, int]:
        index = max(0, bisect_right(starts, place) - 1)
        return spans[index] if spans else (0, 0)

    return span


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans that together hold all of the text that is no white space; a full stop inside a number ends nothing."""
    spans = []
    start = 0
    for match in (*_END.finditer(text), None):
        end = match.end() if match else len(text)
        piece = text[start:end]
        if piece.strip():
            lead = len(piece) - len(piece.lstrip())
            spans.append((start + lead, start + len(piece.rstrip())))
        start = end
    return spans
