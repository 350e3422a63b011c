"""The words a shop asks for or forbids, and what supports them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storehand_plugins.checks import Span, find_words


class Forbidden:
    """Tells whether a text has a forbidden word; without any it costs nothing."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def __bool__(self) -> bool:
        return bool(self._words)

    def __call__(self, text: str) -> bool:
        return bool(self._words) and bool(find_words(text, self._words))

    def spans(self, text: str) -> list[Span]:
        """Where they are."""
        return find_words(text, self._words) if self._words else []


def holding(keyword: str, texts: Iterable[str]) -> str | None:
    """The first of the texts that has the keyword."""
    return next((text for text in texts if find_words(text, (keyword,))), None)
