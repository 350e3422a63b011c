"""Cuts a model's text into whole sentences while it is still being written; what it thinks aloud is left out."""

from __future__ import annotations

import re

_OPEN, _CLOSE = "<think>", "</think>"
_MARKS = r"(?:\s*\[[0-9]+(?:\s*[,，]\s*[0-9]+)*\])*"
_END = re.compile(
    rf"(?:[。！？]+[”’」』)）]*{_MARKS}(?=\s*[^\s\[。！？”’」』)）])|[.!?]+[\"')\]]*{_MARKS}(?=\s+[^\s\[])|{_MARKS}\s*\n+(?=[^\s\[]))"
)


class SentenceStream:
    """`feed` what comes, get the sentences that are whole; `close` gives the rest. A citation behind the full stop
    belongs to its sentence, so a sentence is whole only when the next one begins."""

    def __init__(self) -> None:
        self._raw = ""
        self._text = ""

    def feed(self, piece: str) -> list[str]:
        self._raw += piece
        self._text += self._spoken(is_last=False)
        return self._cut()

    def close(self) -> list[str]:
        self._text += self._spoken(is_last=True)
        found = [*self._cut(), self._text.strip()]
        self._text = ""
        return [sentence for sentence in found if sentence]

    def _spoken(self, *, is_last: bool) -> str:
        """What is outside of think blocks; an end that may be the beginning of a tag waits."""
        spoken = ""
        while True:
            start = self._raw.find(_OPEN)
            if start < 0:
                break
            end = self._raw.find(_CLOSE, start)
            spoken += self._raw[:start]
            if end < 0:
                self._raw = "" if is_last else self._raw[start:]
                return spoken
            self._raw = self._raw[end + len(_CLOSE) :]
        if _CLOSE in self._raw:  # some templates open the block in the prompt
            self._text = spoken = ""
            self._raw = self._raw.rpartition(_CLOSE)[2]
        keep = (
            0
            if is_last
            else next((n for n in range(len(_CLOSE) - 1, 0, -1) if self._raw.endswith((_OPEN[:n], _CLOSE[:n]))), 0)
        )
        spoken += self._raw[: len(self._raw) - keep]
        self._raw = self._raw[len(self._raw) - keep :]
        return spoken

    def _cut(self) -> list[str]:
        found = []
        while (match := _END.search(self._text)) is not None:
            found.append(self._text[: match.end()].strip())
            self._text = self._text[match.end() :]
        return [sentence for sentence in found if sentence]
