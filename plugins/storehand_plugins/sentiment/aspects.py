"""What shoppers talk about, in both languages, and where a clause mentions it. The words are in aspects.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("aspects.toml")


@dataclass(frozen=True, slots=True)
class Aspect:
    """`zh` and `en` are its names as a point of the summary."""

    id: str
    zh: str
    en: str
    zh_words: tuple[str, ...]
    en_words: tuple[str, ...]


class AspectFinder:
    """Finds aspects in a clause; the longest word wins where two overlap (包装盒 before 包装)."""

    def __init__(self, aspects: tuple[Aspect, ...]) -> None:
        self.by_id = {aspect.id: aspect for aspect in aspects}
        self._owner: dict[str, str] = {}
        for aspect in aspects:
            for word in (*aspect.zh_words, *aspect.en_words):
                self._owner.setdefault(word, aspect.id)
        longest_first = sorted(self._owner, key=len, reverse=True)
        han = "|".join(re.escape(word) for word in longest_first if not word.isascii())
        latin = "|".join(re.escape(word) for word in longest_first if word.isascii())
        self._pattern = re.compile(rf"({han})|(?<![a-z])({latin})(?![a-z])")

    def find(self, clause: str) -> dict[str, str]:
        """Aspect id -> the word that named it first."""
        found: dict[str, str] = {}
        for match in self._pattern.finditer(clause.lower()):
            found.setdefault(self._owner[match[0]], match[0])
        return found


@cache
def built_in_aspects() -> AspectFinder:
    """The finder over aspects.toml, read once."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))["aspect"]
    return AspectFinder(
        tuple(
            Aspect(row["id"], row["zh"], row["en"], tuple(row["zh_words"].split()), tuple(row["en_words"].split(" | ")))
            for row in rows
        )
    )
