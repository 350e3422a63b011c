"""Claims without a number that nothing in the input supports: materials, certificates, comparisons, boasts, names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from storehand.contracts.claim import ClaimKind
from storehand_plugins.checks.concepts import Mention, find_mentions
from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.parts import strange_parts
from storehand_plugins.checks.sentences import split_sentences
from storehand_plugins.checks.tables import read_table

_NAME = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]*(?:\s+[A-Z][A-Za-z]*)+(?![A-Za-z])")
_Found = tuple[int, int, ClaimKind]
_KINDS: tuple[ClaimKind, ...] = ("comparison", "certification", "other")


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of the original text."""

    start: int
    end: int
    text: str
    kind: ClaimKind = "other"


def unsupported_claims(text: str, sources: Iterable[str]) -> list[Claim]:
    """What the text claims and no source says, in order, in either language (不锈钢 supports stainless steel).

    Known materials, features, certificates, comparisons and superlatives, and capitalised English names of two and
    more words. A source that says "not waterproof" does not support "waterproof".
    """
    given = _given(tuple(sources))
    folded = fold_visible(text).condensed()
    found = [*_patterned(folded, given), *_mentioned(folded, given), *_named(text, given), *_added(folded, given)]
    return list(_merged(text, found))


def _patterned(folded: Folded, given: _Given) -> Iterator[_Found]:
    known = bytearray(len(folded.text))
    for mention in find_mentions(folded.text):
        known[mention.start : mention.end] = b"1" * (mention.end - mention.start)
    for kind, pattern in _patterns():
        for match in pattern.finditer(folded.text):
            # what the word list knows it judges better, in both languages
            is_known = kind == "other" and any(known[match.start() : match.end()])
            if not (is_known or given.says(match.group())):
                start, end = folded.span(*match.span())
                yield start, end, kind


def _mentioned(folded: Folded, given: _Given) -> Iterator[_Found]:
    for mention in find_mentions(folded.text):
        if not (mention.is_silent or mention.is_negated or given.has(mention, folded.text)):
            start, end = folded.span(mention.start, mention.end)
            yield start, end, mention.concept.kind


def _added(folded: Folded, given: _Given) -> Iterator[_Found]:
    for span in strange_parts(folded.text, given.squashed):
        start, end = folded.span(*span)
        yield start, end, "other"


def _merged(text: str, found: list[_Found]) -> Iterator[Claim]:
    last = 0
    for start, end, kind in sorted(found, key=lambda each: (each[0], -each[1])):
        if start >= last:
            yield Claim(start, end, text[start:end], kind)
            last = end


class _Given:
    """What the sources say."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        folded = [fold(source).condensed() for source in sources]
        self.squashed = " ".join(each.squashed().text for each in folded)
        mentions = [mention for each in folded for mention in find_mentions(each.text)]
        said = [mention.concept for mention in mentions if not mention.is_negated]
        self._positive = {key for concept in said for key in (concept.key, *concept.broader)}
        self._negative = {mention.concept.key for mention in mentions if mention.is_negated} - self._positive

    def says(self, words: str) -> bool:
        needle = fold(words).squashed().text
        return bool(needle) and needle in self.squashed

    def has(self, mention: Mention, text: str) -> bool:
        key = mention.concept.key
        if key in self._positive:
            return True
        return key not in self._negative and not mention.concept.family and self.says(text[mention.start : mention.end])


@lru_cache(maxsize=256)  # every field and variant of a product is held against the same sources
def _given(sources: tuple[str, ...]) -> _Given:
    return _Given(sources)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[ClaimKind, re.Pattern[str]], ...]:
    data = read_table("comparisons")
    return tuple(
        (kind, re.compile("|".join([f"(?<![a-z])(?:{'|'.join(data[kind]['en'])})(?![a-z])", *data[kind]["zh"]])))
        for kind in _KINDS
    )


def _named(text: str, given: _Given) -> Iterator[_Found]:
    """A name is invented when the source has not one of its words; a sentence's first word proves nothing."""
    starts = {start for start, _ in split_sentences(text)}
    for match in _NAME.finditer(text):
        words = [
            word for word in re.finditer(r"[A-Za-z]+", match.group()) if match.start() + word.start() not in starts
        ]
        unknown = [word for word in words if word.group().lower() not in given.squashed]
        if len(unknown) >= 2 and len(unknown) == len(words):
            yield match.start() + words[0].start(), match.end(), "other"
