"""Where a review says something about an aspect: clauses, cut where they praise one thing and blame another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storehand_plugins.sentiment.aspects import Name, Vocabulary
from storehand_plugins.sentiment.clauses import Clause, split_clauses
from storehand_plugins.sentiment.lexicon import Lexicon, OpinionWord, is_doubtful
from storehand_plugins.sentiment.reading import Reading

MAX_MENTIONS = 24
"""Pieces of one review that are looked at; the rest of a very long review still counts in its own label."""

_LEAD = re.compile(r"(?i:(?:but|and|however|although|though|yet|so|also)\s+)|(?:但是|不过|可是|然而|而且|并且|只不过|虽然|但)(?=\S\S)")
_AND = re.compile(r"\s+(?:and|plus|while|yet|so)\s+|\s+&\s+|[和与]|而且|并且|但|就是|只是|,\s*|，|、")


@dataclass(frozen=True, slots=True)
class Mention:
    """`text[start:end]` of one review speaks about `aspects`; `opinions` are the words that judge in it."""

    review: int
    start: int
    end: int
    aspects: tuple[str, ...]
    opinions: tuple[OpinionWord, ...]

    def valence(self, aspect: str) -> float:
        """What the opinion words come to, from -1 to 1; 0 where there is none or they disagree."""
        values = [value for word in self.opinions if (value := word.valence(aspect))]
        return sum(values) / len(values) if values else 0.0


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    names: list[Name]
    opinions: list[OpinionWord]


def find_mentions(review: int, reading: Reading, vocabulary: Vocabulary) -> list[Mention]:
    """What a review says about the aspects that the vocabulary finds in it."""
    return mentions_of(review, reading, vocabulary.find(reading.folded), vocabulary.lexicon)


def mentions_of(review: int, reading: Reading, names: Sequence[Name], lexicon: Lexicon) -> list[Mention]:
    """The first `MAX_MENTIONS` pieces that name an aspect and may be quoted.

    A clause that is hardly more than the aspect's name ("Delivery, terrible") takes the next one with it.
    """
    mentions: list[Mention] = []
    for piece in _pieces(reading, names, lexicon) if names else ():
        if not reading.is_quotable(piece.start, piece.end):
            continue
        aspects = dict.fromkeys(name.aspect for name in piece.names)
        mentions.append(Mention(review, piece.start, piece.end, tuple(aspects), tuple(piece.opinions)))
        if len(mentions) == MAX_MENTIONS:
            break
    return mentions


def _pieces(reading: Reading, names: Sequence[Name], lexicon: Lexicon) -> Iterator[_Piece]:
    clauses = split_clauses(reading.text)
    places = _by_clause(names, clauses)
    for index, clause in enumerate(clauses):
        found = places[index]
        if not found or is_doubtful(reading.folded, clause.start, clause.end):
            continue
        end = clause.end
        opinions = lexicon.find(reading.folded, clause.start, end)
        is_bare = clause.end - clause.start <= max(name.end - name.start for name in found) + 1
        if is_bare and not opinions and index + 1 < len(clauses) and not places[index + 1]:
            end = clauses[index + 1].end
            opinions = lexicon.find(reading.folded, clauses[index + 1].start, end)
        opinions = [word for word in opinions if not _is_part_of_a_name(word, found)]
        lead = _LEAD.match(reading.text, clause.start, end)
        yield from _parted(reading.text, _Piece(lead.end() if lead else clause.start, end, found, opinions))


def _by_clause(names: Sequence[Name], clauses: Sequence[Clause]) -> list[list[Name]]:
    places: list[list[Name]] = [[] for _ in clauses]
    index = 0
    for name in names:
        while index < len(clauses) and clauses[index].end <= name.start:
            index += 1
        if index < len(clauses) and clauses[index].start <= name.start and name.end <= clauses[index].end:
            places[index].append(name)
    return places


def _is_part_of_a_name(word: OpinionWord, names: Sequence[Name]) -> bool:
    """快 in 快递 judges nothing."""
    return any(
        not name.judges and name.start <= word.end - 1 and word.end <= name.end and word.start >= name.start
        for name in names
    )


def _parted(text: str, piece: _Piece) -> Iterator[_Piece]:
    """Cuts where one aspect is praised and another blamed: "great screen and terrible battery", 屏幕清晰电池太差."""
    signs = {value > 0 for word in piece.opinions for name in piece.names if (value := word.valence(name.aspect))}
    if len(signs) < 2 or len({name.aspect for name in piece.names}) < 2:
        yield piece
        return
    current = _Piece(piece.start, piece.end, [], [])
    tokens = sorted((*piece.names, *piece.opinions), key=lambda token: (token.start, token.end))
    last = piece.start
    for token in tokens:
        is_full = any(word.valence(name.aspect) for word in current.opinions for name in current.names)
        cut = _cut(text, last, token) if is_full and token.start >= last else None
        if cut is not None:
            yield _Piece(current.start, cut[0], current.names, current.opinions)
            current = _Piece(cut[1], piece.end, [], [])
        if isinstance(token, Name):
            current.names.append(token)
        else:
            current.opinions.append(token)
        last = max(last, token.end)
    if current.names:
        yield current


def _cut(text: str, last: int, token: Name | OpinionWord) -> tuple[int, int] | None:
    """Where the piece ends and the next begins: at a conjunction, in Chinese also right before a name."""
    found = _AND.search(text, last, token.start)
    if found:
        return found.span()
    if isinstance(token, Name) and not text[token.start].isascii():
        return token.start, token.start
    return None
