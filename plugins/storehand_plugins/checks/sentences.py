"""Where sentences end, in English and Chinese."""

from __future__ import annotations

import re

_END = re.compile(r"[。！？]+[”’」』)）]*|[.!?]+[\"')\]]*(?=\s|$)|\n+")


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
