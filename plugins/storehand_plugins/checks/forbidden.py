"""Given words in a text: those a shop forbids, or asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.spans import Span, spans_of


def find_words(text: str, words: Iterable[str]) -> list[Span]:
    """Every place with one of the words, in order, the longest where they overlap.

    Case, width, hidden characters, spaces and hyphens make no difference ("water-proof" is "Waterproof"); a word in
    Latin letters or digits counts only as a whole word ("art" is not in "cart"), Chinese wherever it stands.
    """
    folded = fold_visible(text)
    squashed = folded.squashed()
    return spans_of(text, (span for word in words for span in _places(text, folded, squashed, word)))


def _places(text: str, folded: Folded, squashed: Folded, word: str) -> Iterator[tuple[int, int]]:
    needle = fold(word).squashed().text
    start = squashed.text.find(needle) if needle else -1
    while start >= 0:
        span = squashed.span(start, start + len(needle))
        if _is_whole(text, span, needle):
            yield span
        start = squashed.text.find(needle, start + 1)


def _is_whole(text: str, span: tuple[int, int], needle: str) -> bool:
    start, end = span
    before = fold(text[start - 1]).text if start else ""
    after = fold(text[end]).text if end < len(text) else ""
    return not (_is_latin(before[-1:]) and _is_latin(needle[0])) and not (
        _is_latin(after[:1]) and _is_latin(needle[-1])
    )


def _is_latin(char: str) -> bool:
    """Letters and digits of scripts that part words by spaces."""
    return char.isalnum() and not "\u2e80" <= char <= "\u9fff"
