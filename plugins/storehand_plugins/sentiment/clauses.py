"""Cuts a review into clauses, the pieces in which one thing is said; offsets are characters of the review's body."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

MAX_CLAUSE_CHARS = 120
"""A longer piece without punctuation is cut, at a space where there is one."""

# A full stop or comma between digits or letters belongs to a number or an address: Latin marks need a space behind.
_BREAK = re.compile(
    r"[。！？；，…~～\n\r]+|[.!?;,]+(?=\s|$|[^\x00-\x7f])|\s+(?:-+|—+)\s+"
    r"|(?<![不])(?=但是|但(?!愿|凡))|(?<!再好)(?<!最好)(?=不过)(?!不过分)|(?=可是|然而|只不过)"
    r"|(?i:\s+(?=(?:but|however|although|though|except|unfortunately)\b))"
)
_SENTENCE = re.compile(r"[^。！？…\n.!?]*[。！？…\n.!?]*")


@dataclass(frozen=True, slots=True)
class Clause:
    """`body[start:end]`, without the white space and punctuation around it."""

    start: int
    end: int


def split_clauses(body: str) -> list[Clause]:
    """The clauses in order; they do not overlap, and each has a letter, a digit or a symbol in it."""
    edges = [0]
    for found in _BREAK.finditer(body):
        edges.extend(found.span())
    edges.append(len(body))
    clauses: list[Clause] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        clauses.extend(_trimmed(body, *piece) for piece in _short_pieces(body, start, end))
    return [clause for clause in clauses if clause.end > clause.start]


def _short_pieces(body: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    while end - start > MAX_CLAUSE_CHARS:
        space = body.rfind(" ", start + 1, start + MAX_CLAUSE_CHARS)
        cut = space if space > start else start + MAX_CLAUSE_CHARS
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, end)]


def _trimmed(body: str, start: int, end: int) -> Clause:
    while start < end and not _is_content(body[start]):
        start += 1
    while end > start and not _is_content(body[end - 1]):
        end -= 1
    return Clause(start, end)


def _is_content(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNSM"


def readable(text: str) -> str:
    """What a model is shown: control and invisible characters are spaces; a text of nothing else is a full stop."""
    seen = "".join(" " if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") else char for char in text)
    return " ".join(seen.split()) or "。"


def windows(text: str, count_tokens: Callable[[str], int], limit: int) -> list[str]:
    """Pieces of `text` in order, each of at most `limit` tokens, cut at the ends of sentences where possible."""
    if count_tokens(text) <= limit:
        return [text]
    packed: list[str] = []
    room = 0
    for piece in (found[0] for found in _SENTENCE.finditer(text) if found[0].strip()):
        for part in _halves(piece, count_tokens, limit):
            tokens = count_tokens(part)
            if packed and tokens <= room:
                packed[-1] += part
                room -= tokens
            else:
                packed.append(part)
                room = limit - tokens
    return packed


def _halves(piece: str, count_tokens: Callable[[str], int], limit: int) -> list[str]:
    if len(piece) < 2 or count_tokens(piece) <= limit:
        return [piece]
    middle = len(piece) // 2
    space = piece.rfind(" ", middle // 2, middle + middle // 2)
    cut = space if space > 0 else middle
    return [*_halves(piece[:cut], count_tokens, limit), *_halves(piece[cut:], count_tokens, limit)]
