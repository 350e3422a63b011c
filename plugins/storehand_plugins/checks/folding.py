"""Text made comparable (width, case, forms of one character), with the way back to the original offsets."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

_RUN = re.compile(r"\s+|\S+")
_LONG_RUN = re.compile(r"\s\s")
_LINE_END = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_SAME = str.maketrans(
    {
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "−": "-",
        "⁄": "/",
        "’": "'",
        "×": "x",
        "″": '"',
        "”": '"',
        "“": '"',
    }
)


@dataclass(frozen=True)  # no slots: it remembers its squashed form
class Folded:
    """`text[i]` came from the original character `origin[i]`."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original offsets of the folded range; it must not be empty."""
        return self.origin[start], self.origin[end - 1] + 1

    def at(self, place: int) -> str:
        """The folded character (the last of several) of the original place; a space beyond the ends."""
        index = bisect_right(self.origin, place) - 1
        return self.text[index] if index >= 0 and self.origin[index] == place else " "

    def condensed(self) -> Folded:
        """With one character for each run of white space, a line end where it holds one: patterns stay fast on it."""
        return self._condensed

    def squashed(self) -> Folded:
        """Without what writers set freely: spaces and hyphens."""
        return self._squashed

    @cached_property
    def _condensed(self) -> Folded:
        if not _LONG_RUN.search(self.text):
            return self
        chars: list[str] = []
        origin: list[int] = []
        for match in _RUN.finditer(self.text):
            start, run = match.start(), match.group()
            if run.isspace():
                chars.append("\n" if _LINE_END.search(run) else " ")
                origin.append(self.origin[start])
            else:
                chars += run
                origin += self.origin[start : match.end()]
        return Folded("".join(chars), tuple(origin))

    @cached_property
    def _squashed(self) -> Folded:
        kept = [index for index, char in enumerate(self.text) if not (char.isspace() or char == "-")]
        return Folded("".join(self.text[index] for index in kept), tuple(self.origin[index] for index in kept))


@lru_cache(maxsize=1024)  # a job's checks look at the same few texts again and again
def fold(text: str) -> Folded:
    """NFKC, lower case, one kind of dash and quote; character by character, so that offsets survive.

    The Chinese comma stays: as "," it would join "A14，5G" and "5，128" to one number.
    """
    chars: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(text):
        for folded in _plain(char):
            chars.append(folded)
            origin.append(index)
    return Folded("".join(chars), tuple(origin))


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    plain = char if char == "，" else unicodedata.normalize("NFKC", char)
    return plain.lower().translate(_SAME)
