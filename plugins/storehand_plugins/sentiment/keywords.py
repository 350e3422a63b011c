"""The words reviews use: English words and pairs, Chinese words without a dictionary of the language.

Chinese is cut at known words, at words of grammar and at punctuation; what is left between two cuts is a candidate.
It counts as a word only if several reviews have it and what stands beside it differs: 水道 is always behind 下, and
so is half a word. Terms that only one review has are kept in jobs of few reviews, and only if they are known words.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from storehand.contracts.sentiment import Keyword
from storehand_plugins.sentiment.aspects import Vocabulary
from storehand_plugins.sentiment.reading import folded
from storehand_plugins.sentiment.words import word_pattern

_FILE = Path(__file__).with_name("keywords.toml")
_READ_CHARS = 2000
"""Keywords come from the beginning of a very long review."""

FEW_REVIEWS = 30
_LONGEST_ZH = 4
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")
_EN_RUN = re.compile(r"[a-z][a-z'-]*(?: [a-z][a-z'-]*)*")
_RIVALS = 200  # of thousands of pairs of words, only the weightiest can push another term out
_SPECIFIC = 1.25
"""A pair of words, or a word of this product only, tells more than one that all shops' reviews have."""


def keywords(texts: Sequence[str], vocabulary: Vocabulary, *, product: str = "", most: int = 10) -> tuple[Keyword, ...]:
    """The weightiest terms of these (folded) texts, a text counting once per term; `product` is no keyword of its own
    reviews."""
    if not most:
        return ()
    known, names = vocabulary.terms, vocabulary.names
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    reviews: dict[str, set[int]] = defaultdict(set)
    for term, surface, number in (*_english(texts), *_chinese(texts, known)):
        reviews[term].add(number)
        shown[term][surface] += 1
    least = 2 if len(texts) >= FEW_REVIEWS else 1
    name = folded(product)
    kept = {
        term: found
        for term, found in reviews.items()
        if len(found) >= (least if term in names or _surface(shown[term]) in names else 2)
        and not _is_in(term, name)
        and not vocabulary.lexicon.judges(term)
    }
    scores = {term: len(found) * (1.0 if term in known else _SPECIFIC) for term, found in kept.items()}
    ranked = sorted(scores, key=lambda term: (-scores[term], term))[: _RIVALS + most]
    rivals = {term: kept[term] for term in ranked}
    ranked = [term for term in ranked if not _is_absorbed(term, rivals)][:most]
    best = scores[ranked[0]] if ranked else 1.0
    return tuple(
        Keyword(term=_surface(shown[term]), weight=round(scores[term] / best, 3), support=len(kept[term]))
        for term in ranked
    )


def _surface(forms: Counter[str]) -> str:
    """The form most reviews use."""
    return min(forms, key=lambda form: (-forms[form], form))


def _is_in(term: str, product: str) -> bool:
    return bool(product) and (term in product if not term.isascii() else f" {term} " in f" {product} ")


def _is_absorbed(term: str, kept: Mapping[str, set[int]]) -> bool:
    """Whether a longer term says the same in nearly the same reviews ("battery" beside "battery life")."""
    if term.isascii():
        longer = [each for each in kept if each != term and each.isascii() and f" {term} " in f" {each} "]
    else:
        longer = [each for each in kept if len(each) > len(term) and term in each]
    return any(5 * len(kept[each]) >= 4 * len(kept[term]) for each in longer)


def _english(texts: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    stops = _lists()["en"]
    for number, text in enumerate(texts):
        for run in _EN_RUN.findall(text[:_READ_CHARS]):
            words = [word.strip("'-") for word in run.split(" ")]
            plain = ["" if word in stops or len(word) < 3 else _singular(word) for word in words]
            for stem, word in zip(plain, words, strict=True):
                if stem and stem not in stops:
                    yield stem, word, number
            for (stem, word), (other_stem, other) in pairwise(zip(plain, words, strict=True)):
                if stem and other_stem and stem != other_stem:
                    yield f"{stem} {other_stem}", f"{word} {other}", number


def _singular(word: str) -> str:
    """One form for shoe and shoes, battery and batteries."""
    word = word.removesuffix("'s")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def _chinese(texts: Sequence[str], known: frozenset[str]) -> Iterator[tuple[str, str, int]]:
    pattern = _cutter(known)
    stops = _lists()["zh"]
    chunks: list[tuple[str, int, str, str]] = []
    for number, text in enumerate(texts):
        for run in _HAN_RUN.findall(text[:_READ_CHARS]):
            last = 0
            for match in (*pattern.finditer(run), None):
                start, end = match.span() if match else (len(run), len(run))
                if start > last:
                    chunks.append(
                        (run[last:start], number, run[last - 1 : last] if last else "", run[start : start + 1])
                    )
                if match and len(match[0]) > 1 and match[0] in known and match[0] not in stops:
                    yield match[0], match[0], number
                last = end
    for chunk, number in _whole_words(chunks):
        yield chunk, chunk, number


def _whole_words(chunks: Sequence[tuple[str, int, str, str]]) -> Iterator[tuple[str, int]]:
    """Chunks that are words: neither side has always the same neighbour (the edge of a run is a neighbour of its own
    each time). A longer chunk that begins or ends with such a word has it too."""
    left: dict[str, set[str]] = defaultdict(set)
    right: dict[str, set[str]] = defaultdict(set)
    for index, (chunk, _, before, after) in enumerate(chunks):
        if 2 <= len(chunk) <= _LONGEST_ZH:
            left[chunk].add(before or f"^{index}")
            right[chunk].add(after or f"${index}")
    words = {chunk for chunk in left if _is_free(left[chunk]) and _is_free(right[chunk])}
    for chunk, number, _, _ in chunks:
        if chunk in words:
            yield chunk, number
        elif len(chunk) > 2:
            for size in range(min(len(chunk) - 1, _LONGEST_ZH), 1, -1):
                found = {chunk[:size], chunk[-size:]} & words
                yield from ((word, number) for word in sorted(found))
                if found:
                    break


def _is_free(neighbours: Iterable[str]) -> bool:
    found = set(neighbours)
    return len(found) > 1 or any(each[0] in "^$" for each in found)


@cache
def _lists() -> Mapping[str, frozenset[str]]:
    lists = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        "zh": frozenset(lists["zh_words"].split()) | frozenset(lists["zh_chars"]),
        "en": frozenset(lists["en"].split()),
    }


@cache
def _cutter(known: frozenset[str]) -> re.Pattern[str]:
    return word_pattern({*(word for word in known if not word.isascii()), *_lists()["zh"]})
