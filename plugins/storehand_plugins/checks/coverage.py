"""Which facts a text states, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.numbers import find_numbers
from storehand_plugins.checks.sentences import split_sentences

_WORD = re.compile(r"[a-z]+|[\u4e00-\u9fff]+")
_FILLERS = frozenset(("a", "an", "the", "of", "and", "with", "in", "for", "to"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fact to look for: any one of the wordings counts as stated."""

    name: str
    wordings: tuple[str, ...]


def find_facts(text: str, wanted: Sequence[Wanted]) -> list[tuple[int, int] | None]:
    """The span of each fact in the text, none where it is missing.

    A wording counts whatever its case, width, spaces and hyphens; failing that, when one sentence has all its words
    and numbers, with their units in either language ("5.5英寸屏幕": "a 5.5-inch ..." needs its 屏幕 too).
    """
    folded = fold(text)
    squashed = folded.squashed()
    sentences = split_sentences(text)
    return [_first(text, folded, squashed, sentences, fact.wordings) for fact in wanted]


def _first(
    text: str, folded: Folded, squashed: Folded, sentences: Sequence[tuple[int, int]], wordings: Sequence[str]
) -> tuple[int, int] | None:
    for wording in wordings:
        span = _verbatim(folded, squashed, wording)
        if span is not None:
            return span
    for wording in wordings:
        for start, end in sentences:
            within = _in_parts(text[start:end], wording)
            if within is not None:
                return start + within[0], start + within[1]
    return None


def _verbatim(folded: Folded, squashed: Folded, wording: str) -> tuple[int, int] | None:
    needle = fold(wording).squashed().text
    start = squashed.text.find(needle) if needle else -1
    while start >= 0:
        span = squashed.span(start, start + len(needle))
        if _stands_alone(folded, span, needle):
            return span
        start = squashed.text.find(needle, start + 1)
    return None


def _stands_alone(folded: Folded, span: tuple[int, int], needle: str) -> bool:
    """Not a part of a longer word or number: 5G is not in 15GB, 7 not in 6.7."""
    before, after = folded.at(span[0] - 1), folded.at(span[1])
    if _joins(before, needle[0]) or _joins(needle[-1], after):
        return False
    if before in ".," and needle[0].isdigit() and folded.at(span[0] - 2).isdigit():
        return False
    return not (after in ".," and needle[-1].isdigit() and folded.at(span[1] + 1).isdigit())


def _joins(left: str, right: str) -> bool:
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


def _in_parts(sentence: str, wording: str) -> tuple[int, int] | None:
    """All numbers and words of the wording in one sentence, in any order; only for wordings with a number."""
    numbers = find_numbers(wording)
    if not numbers or any(number.is_code for number in numbers):
        return None
    there = {(number.value, number.unit): number for number in find_numbers(sentence)}
    matched = [there.get((number.value, number.unit)) for number in numbers]
    spans = [(number.start, number.end) for number in matched if number is not None]
    if len(spans) < len(numbers):
        return None
    rest = list(wording)
    for number in numbers:
        rest[number.start : number.end] = " " * (number.end - number.start)
    folded = fold(sentence)
    squashed = folded.squashed()
    for word in _WORD.findall(fold("".join(rest)).text):
        span = None if word in _FILLERS else _verbatim(folded, squashed, word)
        if span is not None:
            spans.append(span)
        elif word not in _FILLERS:
            return None
    return min(start for start, _ in spans), max(end for _, end in spans)
