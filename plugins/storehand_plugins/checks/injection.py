"""Instructions aimed at a machine inside text that is only data: reviews, product text, knowledge.

A finding changes nothing in the text; it is a flag for the task, which treats such text as what it is: words.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.hidden import fold_visible
from storehand_plugins.checks.sentences import sentence_at
from storehand_plugins.checks.spans import Span, spans_of
from storehand_plugins.checks.tables import read_table

_RULES = read_table("injection")
_GROUPS = ("override", "role", "persona", "address", "task", "verdict", "decode")
_PATTERNS = tuple(re.compile(pattern) for group in _GROUPS for pattern in _RULES[group])
_SQUEEZED = tuple(re.compile(pattern) for pattern in _RULES["squeezed"])
_TALKS = re.compile(_RULES["hidden"])
_UNSEEN = re.compile(
    r"<!--(?P<comment>.*?)(?:-->|$)"
    r"|<[a-z][^>]{0,300}(?:display:\s*none|visibility:\s*hidden|font-size:\s*0|opacity:\s*0(?![.0-9])|\shidden\b)[^>]{0,300}>(?P<element>[^<]+)",
    re.DOTALL,
)
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,4096}={0,2}(?![A-Za-z0-9+/_=-])")
_APART = re.compile(r"(?<![a-z0-9])(?:[a-z0-9][\s._*|/~-]{1,3}){7,}[a-z0-9](?![a-z0-9])")
_HAN = r"[\u4e00-\u9fff]"
_HAN_APART = re.compile(rf"(?<={_HAN})[\s._*|/~·-]{{1,3}}(?={_HAN})")
_TAGS = re.compile("(?<!\U0001f3f4)[\U000e0020-\U000e007e]{4,}")
_SPELT = re.compile(r"(?<![a-z0-9])(?:[a-z][\s._*|/~-]){3,60}[a-z](?![a-z0-9])")
_DIGIT_WORD = re.compile(r"(?<![a-z0-9])[a-z]{0,12}(?:[013457@$][a-z]{1,12}){1,6}(?![a-z0-9])")
_DIGIT_LETTERS = str.maketrans("013457@$", "oieastas")
_BREAK = re.compile(r"[,，、;；:：]\s{0,4}")
_LONGEST_CLAUSE = 200
_LOOKALIKES = str.maketrans("аеорсхуіѕԁһјоνΟΑΕΙοιαε", "aeopcxyisdhjovoaeioiae")


def find_injection(text: str) -> list[Span]:
    """Where the text speaks to a model instead of a reader; in order, none overlapping. Empty for ordinary text.

    Seen through width, case, zero-width characters, look-alike letters, spaced-out letters and base64.
    """
    folded = fold_visible(text)
    if not text.isascii():
        folded = _plain_letters(folded)
    folded = folded.condensed()
    ranges = [
        _whole_sentence(text, written.span(*match.span()))
        for written in (folded, *_undone(folded))
        for pattern in _PATTERNS
        for match in pattern.finditer(written.text)
        if match.end() > match.start()
    ]
    for find in (_unseen, _apart):
        ranges += [folded.span(*each) for each in find(folded.text)]
    ranges += [each.span() for each in _TAGS.finditer(text)]
    ranges += _encoded(text)
    return spans_of(text, ranges)


def _plain_letters(folded: Folded) -> Folded:
    """Look-alikes and letters with accents as the plain ones; accents that stand alone are left out."""
    chars: list[str] = []
    origin: list[int] = []
    for char, place in zip(folded.text, folded.origin, strict=True):
        plain = char if char.isascii() else unicodedata.normalize("NFD", char.translate(_LOOKALIKES))[:1]
        if char.isascii() or not unicodedata.combining(plain):
            chars.append(plain)
            origin.append(place)
    return Folded("".join(chars), tuple(origin))


def _undone(folded: Folded) -> Iterator[Folded]:
    """What the text may be meant to read as: without gaps inside "i g n o r e", with letters for "1gn0re"."""
    if spelt := [place for match in _SPELT.finditer(folded.text) for place in _gaps_of(match)]:
        gaps = frozenset(spelt)
        kept = [index for index in range(len(folded.text)) if index not in gaps]
        yield Folded("".join(folded.text[index] for index in kept), tuple(folded.origin[index] for index in kept))
    if _DIGIT_WORD.search(folded.text):
        letters = _DIGIT_WORD.sub(lambda match: match.group().translate(_DIGIT_LETTERS), folded.text)
        yield Folded(letters, folded.origin)


def _gaps_of(match: re.Match[str]) -> Iterator[int]:
    return (match.start() + index for index, char in enumerate(match.group()) if not char.isalnum())


def _whole_sentence(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """From the clause in which the order begins to the end of the sentence in which it ends."""
    start, end = _trimmed(text, span)
    first, _ = sentence_at(text)(start)
    _, last = sentence_at(text)(end - 1)
    breaks = [match.end() for match in _BREAK.finditer(text, max(first, start - _LONGEST_CLAUSE), start)]
    return max([*breaks, first]), max(end, last)


def _trimmed(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Without the end of the sentence before, which some patterns begin with."""
    start, end = span
    while start < end and (text[start].isspace() or text[start] in '.!?:;,。！？：；，"”'):
        start += 1
    return (start, end) if start < end else span


def _unseen(folded: str) -> Iterator[tuple[int, int]]:
    for match in _UNSEEN.finditer(folded):
        if _TALKS.search(match["comment"] or match["element"] or ""):
            yield match.span()


def _apart(folded: str) -> Iterator[tuple[int, int]]:
    """Letters that stand one by one, put together again."""
    for match in _APART.finditer(folded):
        letters = re.sub(r"[^a-z0-9]", "", match.group())
        if any(pattern.search(letters) for pattern in _SQUEEZED):
            yield match.span()
    gaps = [match.span() for match in _HAN_APART.finditer(folded)]
    if not gaps:
        return
    between = {index for start, end in gaps for index in range(start, end)}
    kept = [index for index in range(len(folded)) if index not in between]
    together = "".join(folded[index] for index in kept)
    for pattern in _PATTERNS:
        for match in pattern.finditer(together):
            if match.end() > match.start():
                yield kept[match.start()], kept[match.end() - 1] + 1


def _encoded(text: str) -> Iterator[tuple[int, int]]:
    for match in _ENCODED.finditer(text):
        raw = match.group().rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            plain = base64.b64decode(raw + "=" * (-len(raw) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        folded = fold(plain).text
        if any(pattern.search(folded) for pattern in _PATTERNS):
            yield match.span()
