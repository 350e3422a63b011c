"""A description as a paragraph, as lines with bullets or as safe HTML, with the way from what is read to offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from storehand_plugins.description.kinds import Language
from storehand_plugins.description.written import Sentence

Format = Literal["paragraph", "bullets", "html"]
BULLET = "• "


@dataclass(frozen=True, slots=True)
class Rendered:
    """`pieces` joined are `text`. `visible` is what a reader sees of it; its character i stands at `origin[i]` of the
    text (none: at i)."""

    pieces: tuple[str, ...]
    visible: str
    origin: tuple[int, ...] | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets into `text`; the range must not be empty."""
        if self.origin is None:
            return start, end
        last = self.origin[end - 1]
        return self.origin[start], last + len(escape(self.visible[end - 1]))


def rendered(sentences: Sequence[Sentence], form: Format, language: Language) -> Rendered:
    """Lists have their opener, and what closes the text, as paragraphs around the bullets."""
    if form == "html":
        return _html(sentences)
    pieces: list[str] = []
    for number, sentence in enumerate(sentences):
        is_line = form == "bullets" and sentence.role == "facts"
        between = ("\n" if form == "bullets" else " " if language == "en" else "") if number else ""
        pieces.append(between + (BULLET if is_line else "") + sentence.text)
    return Rendered(tuple(pieces), "".join(pieces))


def _html(sentences: Sequence[Sentence]) -> Rendered:
    pieces: list[str] = []
    visible: list[str] = []
    origin: list[int] = []
    at = 0
    for number, sentence in enumerate(sentences):
        before, after = _tags(sentences, number)
        if number:
            visible.append("\n")
            origin.append(at)
        at += len(before)
        for char in sentence.text:
            visible.append(char)
            origin.append(at)
            at += len(escape(char))
        pieces.append(before + escape(sentence.text) + after)
        at += len(after)
    return Rendered(tuple(pieces), "".join(visible), tuple(origin))


def _tags(sentences: Sequence[Sentence], number: int) -> tuple[str, str]:
    if sentences[number].role != "facts":
        return "<p>", "</p>"
    is_first = number == 0 or sentences[number - 1].role != "facts"
    is_last = number == len(sentences) - 1 or sentences[number + 1].role != "facts"
    return ("<ul>" if is_first else "") + "<li>", "</li>" + ("</ul>" if is_last else "")
