"""A piece of an original text, as every check reports it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` of the original text are `text`."""

    start: int
    end: int
    text: str


def spans_of(text: str, ranges: Iterable[tuple[int, int]]) -> list[Span]:
    """The ranges in order; of those that overlap, the one that starts first, then the longest."""
    found: list[Span] = []
    for start, end in sorted(ranges, key=lambda each: (each[0], -each[1])):
        if not found or start >= found[-1].end:
            found.append(Span(start, end, text[start:end]))
    return found
