"""Finds the article that answers a question, says how sure that is, and marks the words to quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storehand.contracts.chat import Article
from storehand_plugins.chat.conflicts import answers_contradict, contradict
from storehand_plugins.chat.index import Index, Match
from storehand_plugins.chat.languages import language_of
from storehand_plugins.chat.passages import best_passage
from storehand_plugins.chat.similarity import Similarity
from storehand_plugins.chat.words import CONCEPT, Bag, bag, is_han, merged

CANDIDATES = 8
_OTHER_LANGUAGE = 0.8
"""An article in another language is quoted only where none in the customer's says the same."""

_POLICY = 1.1
_BEFORE = 0.75
"""Weight of the words of the question before, in one that leans on it."""

_STRONG = 0.9
"""Weight of a concept that is said in full."""

_COVERAGE, _UNASKED = 0.65, 0.05
_ENOUGH = 1.0
"""Weight of words from which on a question says enough to be sure of its answer: one of the shop's own words."""

_MAIN_WORD, _MAIN_CONCEPT = 0.5, 0.4
"""From this share of the question's weight on, a word or a concept is what it is about."""

_OF_GOODS = frozenset(
    CONCEPT + name
    for name in ("return", "exchange", "cancel", "refund", "warranty", "faulty", "ship", "arrive", "stock", "gift_wrap")
)
"""What is done with goods, whatever they are called: "Can I return the kettle?" is about returning."""

_UNKNOWN_MAIN = 0.8
"""What is left of the confidence where no article has it."""

_NOTHING_KNOWN = 0.5
"""And where the rest only half says what it belongs to (a country's name)."""

_NATIVE = 0.7
"""From this share of a foreign article's confidence on, one in the customer's language is the same answer."""

_RIVAL = 0.8
"""From this share of the best article's confidence on, another one speaks of the same question."""

_WORDLESS = 0.8
"""Confidence per closeness of an article that shares no word with the question: only an embedding speaks for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may answer; `article.text[start:end]` is what to quote."""

    article: Article
    is_policy: bool
    confidence: float
    start: int
    end: int
    is_foreign: bool = False

    @property
    def quote(self) -> str:
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Finding:
    """The candidates, best first, and those of them that contradict the best."""

    candidates: tuple[Candidate, ...] = ()
    conflicts: tuple[Candidate, ...] = ()

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0


class Retriever:
    """Searches an index of the shop's knowledge and one of its policies as one."""

    def __init__(
        self, knowledge: Index, policies: Index, *, now: datetime, language: str, similarity: Similarity | None = None
    ) -> None:
        self._sources = ((knowledge, False), (policies, True))
        self._now = now
        self._language = language
        self._similarity = similarity

    def search(self, question: str, *, before: str = "") -> Finding:
        """`before` is the customer's previous question, whose words count somewhat less: "and for shoes?"."""
        words = _asked(question, before)
        whole = f"{before}\n{question}".strip()
        found = [
            candidate
            for index, is_policy in self._sources
            for candidate in self._candidates(index, words, whole, is_policy=is_policy)
        ]
        found.sort(key=lambda each: (-each.confidence * (_POLICY if each.is_policy else 1.0), each.article.id))
        found = _policy_first(_native_first(found[:CANDIDATES], words))
        return Finding(tuple(found), tuple(_rivals(found)))

    def _candidates(self, index: Index, words: Bag, question: str, *, is_policy: bool) -> list[Candidate]:
        known = 1.0
        if self._similarity is None and self._lacks_main(words):
            known = _UNKNOWN_MAIN if any(map(_is_strong, words.items())) else _NOTHING_KNOWN
        matches = [match for match in index.search(words) if self._is_valid(index, match.number)][: CANDIDATES * 2]
        best = matches[0].score if matches else 1.0
        enough = known * min(1.0, sum(words.values()) / _ENOUGH)
        sure = {match.number: enough * confidence_of(match, best) for match in matches}
        if self._similarity is not None and index.articles:
            near = self._similarity.nearest(question, index, list(sure))
            sure = {
                number: 0.5 * sure[number] + 0.5 * closeness if number in sure else _WORDLESS * closeness
                for number, closeness in near.items()
                if self._is_valid(index, number)
            }
        made = (self._candidate(index, number, words, confidence, is_policy) for number, confidence in sure.items())
        return [candidate for candidate in made if candidate is not None]

    def _lacks_main(self, words: Bag) -> bool:
        """Whether what the question is about stands in no article at all: "Can I pay with Bitcoin?"."""
        of_goods = bool(_OF_GOODS & set(words))
        indexes = [index for index, _ in self._sources if index.articles]
        weights = {
            term: wanted * max((index.weight(term) for index in indexes), default=0) for term, wanted in words.items()
        }
        total = sum(weights.values())
        return any(
            weight >= (_MAIN_CONCEPT if term.startswith(CONCEPT) or is_han(term) else _MAIN_WORD) * total
            and not any(index.holds(term) for index in indexes)
            and not any(map(str.isdigit, term))
            and (term.startswith(CONCEPT) or not of_goods)
            for term, weight in weights.items()
        )

    def _candidate(self, index: Index, number: int, words: Bag, confidence: float, is_policy: bool) -> Candidate | None:
        article = index.articles[number]
        span = best_passage(article.text, words, index.weight)
        if span is None:
            return None
        language = article.in_language.split("-")[0].lower() if article.in_language else language_of(article.text)
        is_foreign = language is not None and language != self._language
        confidence = min(1.0, confidence * (_OTHER_LANGUAGE if is_foreign else 1.0))
        return Candidate(article, is_policy, confidence, *span, is_foreign)

    def _is_valid(self, index: Index, number: int) -> bool:
        return is_valid(index.articles[number], self._now)


def confidence_of(match: Match, best_score: float) -> float:
    """From 0 to 1: how much of the question the article has, how much of its title the question has (a weighted
    geometric mean, so that one can't stand in for the other), and how far it is behind the best."""
    said = match.coverage**_COVERAGE * max(match.asked, _UNASKED) ** (1 - _COVERAGE)
    return said * (0.55 + 0.45 * match.score / best_score if best_score else 1.0)


def is_valid(article: Article, now: datetime) -> bool:
    return not (article.valid_from and now < article.valid_from) and not (article.valid_to and now > article.valid_to)


def _asked(question: str, before: str) -> Bag:
    return (
        merged(bag(question), {term: weight * _BEFORE for term, weight in bag(before).items()})
        if before
        else bag(question)
    )


def _is_strong(term: tuple[str, float]) -> bool:
    return term[0].startswith(CONCEPT) and term[1] >= _STRONG


def _native_first(found: list[Candidate], words: Bag) -> list[Candidate]:
    """An article in the customer's language takes the place of a foreign one that says no more to the question."""
    if not found or not found[0].is_foreign:
        return found
    best = found[0]
    wanted = {term for term, weight in words.items() if _is_strong((term, weight))} & _said(best.article)
    for place, each in enumerate(found):
        if each.is_foreign or each.is_policy != best.is_policy:
            continue
        if each.confidence >= _NATIVE * best.confidence or (wanted and wanted <= _said(each.article)):
            return [replace(each, confidence=best.confidence), *found[:place], *found[place + 1 :]]
    return found


def _said(article: Article) -> frozenset[str]:
    return frozenset(term for text in (article.title, *article.questions, article.text) for term in bag(text or ""))


def _policy_first(found: list[Candidate]) -> list[Candidate]:
    """A policy that contradicts the best article takes its place: policies decide."""
    if not found or found[0].is_policy:
        return found
    best = found[0]
    for place, each in enumerate(found[1:], start=1):
        if each.is_policy and each.confidence >= _RIVAL * best.confidence and contradict(best.quote, each.quote):
            return [replace(each, confidence=best.confidence), *found[:place], *found[place + 1 :]]
    return found


def _rivals(found: Sequence[Candidate]) -> list[Candidate]:
    """Articles of the same rank that say otherwise; a policy decides against other knowledge."""
    if not found:
        return []
    best = found[0]
    return [
        each
        for each in found[1:]
        if each.confidence >= _RIVAL * best.confidence
        and (each.is_policy or not best.is_policy)
        and answers_contradict((best.article.title or "", each.article.title or ""), (best.quote, each.quote))
    ]


def is_thin(question: str) -> bool:
    """Too little to search for by itself: at most one word that carries meaning."""
    return sum(weight for term, weight in bag(question).items() if term.startswith(CONCEPT) or weight >= 0.8) <= 1.01
