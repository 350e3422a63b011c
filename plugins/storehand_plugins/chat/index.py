"""The lexical index of one set of articles: BM25 over concepts, stems and character pairs, titles counted more."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from storehand.contracts.chat import Article
from storehand_plugins.chat.words import CONCEPT, Bag, bag

_K1 = 1.2
_B = 0.4
_TITLE = 2.5
_TEXT_ONLY = 0.75
"""How much a word counts as covered that only the article's text has."""

_UNKNOWN = 0.85
"""Weight of a word no article has, beside the rarest known one: it says that the question may be another one."""


@dataclass(frozen=True, slots=True)
class Match:
    """One article for one question. `coverage` is the share of the question's weight the article has, `asked` the share
    of the best of its titles and question forms that the question has; both from 0 to 1."""

    number: int
    score: float
    coverage: float
    asked: float


@dataclass(frozen=True, slots=True)
class _Document:
    terms: Bag
    length: float
    heads: tuple[Bag, ...]
    head_terms: frozenset[str]


class Index:
    """Built once per set of articles and then only read."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self.articles = tuple(articles)
        self._documents = [_document(article) for article in self.articles]
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, document in enumerate(self._documents):
            for term in document.terms:
                self._holders[term].append(number)
        lengths = [document.length for document in self._documents]
        self._mean_length = sum(lengths) / len(lengths) if lengths else 1.0

    def weight(self, term: str) -> float:
        """How telling a term is in these articles."""
        held = len(self._holders.get(term, ()))
        rarity = 1 + math.log((len(self.articles) + 1) / (held + 1))
        return rarity if held else rarity * _UNKNOWN

    def holds(self, term: str) -> bool:
        """Whether any article has the term."""
        return term in self._holders

    def search(self, question: Bag) -> list[Match]:
        """Articles that share a word with the question, best first."""
        numbers = {number for term in question for number in self._holders.get(term, ())}
        found = [self._match(number, question) for number in numbers]
        return sorted(found, key=lambda match: (-match.score, match.number))

    def _match(self, number: int, question: Bag) -> Match:
        document = self._documents[number]
        score = covered = total = 0.0
        for term, wanted in question.items():
            weight = wanted * self.weight(term)
            total += weight
            count = document.terms.get(term, 0.0)
            if not count:
                continue
            norm = _K1 * (1 - _B + _B * document.length / self._mean_length)
            score += weight * count * (_K1 + 1) / (count + norm)
            covered += weight * (1.0 if term in document.head_terms else _TEXT_ONLY)
        coverage = covered / total if total else 0.0
        asked = max((self._share(head, question) for head in document.heads), default=coverage)
        return Match(number, score * (0.4 + 0.6 * asked) * (0.5 + 0.5 * coverage), coverage, asked)

    def _share(self, head: Bag, question: Bag) -> float:
        """Of the head's weight, how much the question says."""
        total = sum(wanted * self.weight(term) for term, wanted in head.items())
        said = sum(wanted * self.weight(term) for term, wanted in head.items() if term in question)
        return said / total if total else 0.0


def _document(article: Article) -> _Document:
    heads = tuple(bag(head) for head in (article.title, *article.questions) if head)
    terms = dict(bag(article.text))
    head_terms = frozenset(term for head in heads for term in head)
    for head in heads:
        for term, weight in head.items():
            terms[term] = terms.get(term, 0.0) + _TITLE * weight / len(heads) ** 0.5
    length = sum(weight for term, weight in terms.items() if not term.startswith(CONCEPT))
    return _Document(terms, length, heads, head_terms)
