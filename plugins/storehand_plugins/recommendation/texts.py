"""What items say about themselves: words weighed by rarity, and how near texts lie to them, in Chinese and English."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_PIECE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[^\W_]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_ENDINGS = ("ies", "es", "s")
LONGEST = 2000
"""Characters of an item or a query that count."""

LONE = 0.4
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "the",
        "for",
        "with",
        "of",
        "in",
        "on",
        "to",
        "by",
        "from",
        "or",
        "at",
        "as",
        "is",
        "it",
        "its",
        "this",
        "that",
        "your",
        "you",
        "的",
        "了",
        "和",
        "与",
        "及",
    ]
)


def words(text: str) -> list[str]:
    """Latin words without their plural; Chinese in pairs of characters, and the characters."""
    found: list[str] = []
    for piece in _PIECE.findall(unicodedata.normalize("NFKC", text[:LONGEST]).casefold()):
        if _HAN.match(piece):
            found += [*piece, *(piece[at : at + 2] for at in range(len(piece) - 1))]
        else:
            found.append(_singular(piece))
    return [word for word in found if word not in _STOP]


def _singular(word: str) -> str:
    for ending in _ENDINGS if len(word) > 3 and not word.endswith("ss") else ():
        if word.endswith(ending):
            stem = word[: -len(ending)]
            return f"{stem}y" if ending == "ies" else stem if ending == "s" or stem[-1] in "sxz" else word[:-1]
    return word


@dataclass(frozen=True, slots=True)
class _Posting:
    items: Any
    weights: Any


class TextIndex:
    """Unit-length TF-IDF vectors of the items, kept by word, so that a text costs only its own words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.count = len(texts)
        counts = [Counter(words(text)) for text in texts]
        frequency = Counter(word for each in counts for word in each)
        self._rarity = {word: math.log((1 + self.count) / (0.5 + n)) for word, n in frequency.items()}
        self._vectors = [self._unit(each) for each in counts]
        lists: dict[str, tuple[list[int], list[float]]] = {}
        for item, vector in enumerate(self._vectors):
            for word, weight in vector.items():
                items, weights = lists.setdefault(word, ([], []))
                items.append(item)
                weights.append(weight)
        self._postings = {
            word: _Posting(np.array(items, np.int32), np.array(weights, np.float32))
            for word, (items, weights) in lists.items()
        }

    def nearness(self, text: str) -> Any:
        """Cosine of every item to a text."""
        return self._against(self._unit(Counter(words(text))))

    def nearness_to_items(self, items: Iterable[int], weights: Iterable[float]) -> Any:
        """Cosine of every item to a mixture of items."""
        mixed: dict[str, float] = {}
        for item, share in zip(items, weights, strict=True):
            for word, weight in self._vectors[item].items():
                mixed[word] = mixed.get(word, 0.0) + share * weight
        return self._against(_to_unit(mixed))

    def between(self, one: int, other: int) -> float:
        """Cosine of two items."""
        left, right = sorted((self._vectors[one], self._vectors[other]), key=len)
        return sum(weight * right.get(word, 0.0) for word, weight in left.items())

    def _against(self, vector: dict[str, float]) -> Any:
        near = np.zeros(self.count, np.float32)
        for word, weight in vector.items():
            if posting := self._postings.get(word):
                near[posting.items] += weight * posting.weights
        return near

    def _unit(self, counts: Counter[str]) -> dict[str, float]:
        unknown = math.log(1 + self.count) if self.count else 1.0  # a word no item has counts as the rarest
        return _to_unit(
            {word: _worth(word) * (1 + math.log(n)) * self._rarity.get(word, unknown) for word, n in counts.items()}
        )


def _worth(word: str) -> float:
    """One Chinese character finds the tea and the cat, but says less than a pair."""
    return LONE if len(word) == 1 and _HAN.match(word) else 1.0


def _to_unit(vector: dict[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {word: weight / length for word, weight in vector.items()} if length > 0 else {}


def shared_words(query: str, text: str) -> str:
    """The pieces of a query that a text has too, as the query spells them: what may be repeated to a shopper."""
    known = set(words(text))
    found: list[str] = []
    for piece in _PIECE.findall(unicodedata.normalize("NFKC", query[:LONGEST])):
        if _HAN.match(piece):
            found += _shared_runs(piece, known)
        elif set(words(piece)) & known:
            found.append(piece)
    return " ".join(dict.fromkeys(found))


def _shared_runs(piece: str, known: set[str]) -> list[str]:
    """Runs of Chinese characters by their pairs; where no pair is shared, the characters that are."""
    kept = [piece[at : at + 2] in known or (at > 0 and piece[at - 1 : at + 1] in known) for at in range(len(piece))]
    if not any(kept):
        kept = [sign in known for sign in piece]
    return "".join(sign if keep else " " for sign, keep in zip(piece, kept, strict=True)).split()
