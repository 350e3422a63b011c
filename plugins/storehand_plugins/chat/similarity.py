"""Closeness by an embedding model, where one is bound: finds the article that shares no word with the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storehand.contracts.chat import Article
from storehand.task import Context, Models
from storehand_plugins.chat.index import Index

ROLE = "embedding"
MOST_INLINE = 64
"""So many articles of a request are embedded for it; of more only those that share a word with the question."""

_NEAREST = 4
_PASSAGE_CHARS = 600
_TEXTS_PER_CALL = 128
_FLOORS = (("e5", 0.72), ("", 0.25))
"""Closeness of texts that have nothing to do with each other, by a part of the model's name."""


class Similarity:
    """One job's embedding calls; `vectors` of a knowledge base's version are kept with it."""

    def __init__(self, models: Models, context: Context, kept: dict[str, dict[str, list[float]]] | None = None) -> None:
        self._models = models
        self._context = context
        self._name = models.info(ROLE).name
        self._is_e5 = "e5" in self._name.lower()
        self._floor = next(floor for part, floor in _FLOORS if part in self._name.lower())
        self._kept = kept.setdefault(self._name, {}) if kept is not None else {}
        self._is_kept = kept is not None
        self._questions: dict[str, list[float]] = {}

    def nearest(self, question: str, index: Index, known: Sequence[int]) -> Mapping[int, float]:
        """Closeness from 0 to 1 of the known articles, and of the nearest others."""
        everything = self._is_kept or len(index.articles) <= MOST_INLINE
        numbers = range(len(index.articles)) if everything else known
        asked = self._question(question)
        vectors = self._passages([index.articles[number] for number in numbers])
        near = {number: self._scaled(asked, vector) for number, vector in zip(numbers, vectors, strict=True)}
        best = set(sorted(near, key=lambda number: -near[number])[:_NEAREST]) | set(known)
        return {number: closeness for number, closeness in near.items() if number in best}

    def _scaled(self, one: Sequence[float], other: Sequence[float]) -> float:
        cosine = sum(left * right for left, right in zip(one, other, strict=True))
        return max(0.0, min(1.0, (cosine - self._floor) / (0.95 - self._floor)))

    def _question(self, question: str) -> list[float]:
        if question not in self._questions:
            prefix = "query: " if self._is_e5 else ""
            [self._questions[question]] = self._models.encode(ROLE, [prefix + question], prompt=self._prompt("query"))
        return self._questions[question]

    def _prompt(self, name: str) -> str:
        """E5's words stand here, because its files and endpoints don't tell them; other models' are the engine's."""
        return "" if self._is_e5 else name

    def _passages(self, articles: Sequence[Article]) -> list[list[float]]:
        prefix = "passage: " if self._is_e5 else ""
        missing = {
            each.id: f"{prefix}{each.title}\n{each.text[:_PASSAGE_CHARS]}"
            for each in articles
            if each.id not in self._kept
        }
        ids = list(missing)
        for start in range(0, len(ids), _TEXTS_PER_CALL):
            self._context.check()
            asked = ids[start : start + _TEXTS_PER_CALL]
            texts = [missing[each] for each in asked]
            vectors = self._models.encode(ROLE, texts, prompt=self._prompt("passage"))
            self._kept.update(zip(asked, vectors, strict=True))
        return [self._kept[each.id] for each in articles]
