"""Reviews that repeat each other or themselves: a hint at bought reviews, not a proof.

Rules, on purpose narrow: two reviews of at least `MIN_CHARS` letters, of whose pieces of `PIECE` letters
`SAME` are the same, are copies, and the later one is flagged (by date, undated ones after dated ones, then by id): the
earliest is the original, so that nobody can discredit a review by copying it. One review of at least `MIN_REPEATED`
letters repeats itself when fewer than a quarter of its pieces differ. Short praise ("很好", "Great product!") is
everybody's and never a copy.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from storehand.contracts.sentiment import Review
from storehand_plugins.sentiment.reading import has_han

MIN_CHARS = {"zh": 16, "en": 40}
MIN_REPEATED = 48
PIECE = 4
SAME = 0.8
_SKETCH = 8
"""Reviews are compared when their smallest hashes meet: of near-copies nearly always one of eight is common."""

_READ_CHARS = 4000
_SPACE = re.compile(r"[\W_]+")
_LATEST = datetime.max.replace(tzinfo=UTC)


def plain_letters(folded: str) -> str:
    """Letters and digits only: what makes two reviews the same text."""
    return _SPACE.sub("", folded[:_READ_CHARS])


def find_copies(reviews: Sequence[Review], letters: Sequence[str]) -> dict[int, int]:
    """Number of a review that repeats another -> number of the one it repeats."""
    pieces = [_pieces(text) if _is_long(text) else frozenset[str]() for text in letters]
    order = sorted((number for number, each in enumerate(pieces) if each), key=lambda number: _age(reviews[number]))
    by_hash: dict[int, list[int]] = defaultdict(list)
    copies: dict[int, int] = {}
    for number in order:
        sketch = sorted(zlib.crc32(piece.encode()) for piece in pieces[number])[:_SKETCH]
        earlier = dict.fromkeys(one for key in sketch for one in by_hash[key])
        for one in earlier:
            both = len(pieces[one] & pieces[number])
            if both >= SAME * (len(pieces[one]) + len(pieces[number]) - both):
                copies[number] = one
                break
        else:  # copies of copies are found by their original
            for key in sketch:
                by_hash[key].append(number)
    return copies


def repeats_itself(letters: str) -> bool:
    """Whether the text says the same thing again and again; a drawn-out "哈哈哈哈" does not count."""
    if len(letters) < MIN_REPEATED or len(set(letters)) < PIECE:
        return False
    return len(_pieces(letters)) < (len(letters) - PIECE + 1) / 4


def _pieces(text: str) -> frozenset[str]:
    return frozenset(text[start : start + PIECE] for start in range(len(text) - PIECE + 1))


def _is_long(text: str) -> bool:
    return len(text) >= MIN_CHARS["zh" if has_han(text) else "en"]


def _age(review: Review) -> tuple[datetime, tuple[tuple[int, str], ...]]:
    """By date, then by id as people count them (r9 before r10)."""
    parts = re.findall(r"\d+|\D+", review.id)
    return review.date_published or _LATEST, tuple(
        (int(part), "") if part.isdecimal() else (-1, part) for part in parts
    )
