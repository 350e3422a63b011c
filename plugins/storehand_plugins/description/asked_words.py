"""The words a shop asks for or forbids, and what supports them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from storehand_plugins.checks import Span, find_words, fold

_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[a-z0-9]+(?:[.'’-][a-z0-9]+)*")
_SMALL = frozenset(("for", "with", "and", "the", "a", "an", "of", "in", "to"))
_SAME = {"woman": "women", "ladies": "women", "lady": "women", "female": "women", "man": "men", "male": "men"}
_SAME_HAN = (("女式", "女士"), ("女款", "女士"), ("男式", "男士"), ("男款", "男士"))


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


def says(keyword: str, text: str) -> bool:
    """Whether a text has the keyword, or each of its words ("rain jacket women": a rain jacket made for women)."""
    if find_words(text, (keyword,)):
        return True
    if _HAN.search(keyword):
        return _says_in_parts(keyword, text)
    wanted = _words(keyword)
    return len(wanted) > 1 and wanted <= _words(text)


def _words(text: str) -> set[str]:
    found = (word.removesuffix("'s").removesuffix("’s") for word in _WORD.findall(fold(text).text))
    return {_SAME.get(one, one) for one in map(_singular, found) if one not in _SMALL}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _says_in_parts(keyword: str, text: str) -> bool:
    """女士雨衣 is said by 雨衣 and 适合女士: parts of two characters and more."""
    wanted, said = (fold(each).squashed().text for each in (keyword, text))
    for other, usual in _SAME_HAN:
        wanted, said = wanted.replace(other, usual), said.replace(other, usual)
    at = 0
    while at < len(wanted):
        length = next((size for size in range(len(wanted) - at, 1, -1) if wanted[at : at + size] in said), 0)
        if not length:
            return False
        at += length
    return True
