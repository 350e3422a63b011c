"""What a text says comes with a product or is built into it, where nothing that the product says speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from storehand_plugins.checks.tables import read_table

_HAN = r"\u4e00-\u9fff"
_WORD = re.compile(r"[a-z]{2,30}")
_BREAK_EN = re.compile(r"[^a-z\s'-]|\b(?:and|or|for|to|that|which|so|in|on|of|as|at|by|with|from|while|is|are|when)\b")
_BREAK_ZH = re.compile(rf"[^{_HAN}]|[的和与及并让使可能也更，以]")
_MOST_WORDS = 4


def strange_parts(folded: str, squashed: str) -> Iterator[tuple[int, int]]:
    """Spans in the folded text of "comes with a free lid", "built-in radio", 内置收音机, 附赠收纳袋.

    `squashed` is all that the sources say. Only sources in the script of the phrase tell anything about it; words that
    name no thing ("with ease", 带来) are in the lists of `parts.toml`.
    """
    if not squashed:
        return
    han = sum("\u4e00" <= char <= "\u9fff" for char in squashed)
    latin = sum("a" <= char <= "z" for char in squashed)
    if latin > 2 * han:
        yield from _english(folded, squashed)
    if han * 3 > latin:
        yield from _chinese(folded, squashed)


def _english(folded: str, squashed: str) -> Iterator[tuple[int, int]]:
    lists = _lists()
    for match in lists.english.finditer(folded):
        rest = folded[match.end() : match.end() + 48]
        end = _BREAK_EN.search(rest)
        if end and rest.startswith("in mind", end.start()):  # an occasion, no part
            continue
        phrase = rest[: end.start()] if end else rest
        words = list(_WORD.finditer(phrase))[:_MOST_WORDS]
        named = [word for word in words if word.group() not in lists.fillers]
        if not named or any(word.group() in lists.vague or _is_said(word.group(), squashed) for word in named):
            continue
        yield match.end() + named[0].start(), match.end() + words[-1].end()


def _is_said(word: str, squashed: str) -> bool:
    """By its stem, so that grips support a grip and adjustable adjusts."""
    stem = word if len(word) < 5 else word[: max(4, len(word) - 3)]
    return stem in squashed


def _chinese(folded: str, squashed: str) -> Iterator[tuple[int, int]]:
    lists = _lists()
    for match in lists.chinese.finditer(folded):
        rest = folded[match.end() : match.end() + 8]
        end = _BREAK_ZH.search(rest)
        phrase = rest[: end.start()] if end else rest
        pairs = [phrase[index : index + 2] for index in range(len(phrase) - 1)]
        if not pairs or any(pair in squashed or pair in lists.vague_zh for pair in pairs):
            continue
        yield match.end(), match.end() + len(phrase)


def is_vague(word: str) -> bool:
    """Whether the word names no thing by itself."""
    lists = _lists()
    return word in lists.vague or word in lists.fillers or word in lists.vague_zh


class _Lists:
    def __init__(self) -> None:
        data = read_table("parts")
        self.english = re.compile(rf"(?<![a-z])(?:{'|'.join(data['en']['before'])})(?![a-z])\s?")
        self.chinese = re.compile("|".join(data["zh"]["before"]))
        self.fillers = frozenset(data["en"]["fillers"].split())
        self.vague = frozenset(data["en"]["vague"].split())
        self.vague_zh = frozenset(data["zh"]["vague"].split())


@lru_cache(maxsize=1)
def _lists() -> _Lists:
    return _Lists()
