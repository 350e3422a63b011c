"""Where a review says something about an aspect: clauses, cut where they praise one thing and blame another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from storehand_plugins.sentiment.aspects import Name, Vocabulary
from storehand_plugins.sentiment.clauses import Clause, split_clauses
from storehand_plugins.sentiment.lexicon import Lexicon, OpinionWord, is_doubtful
from storehand_plugins.sentiment.reading import Reading
from storehand_plugins.sentiment.verdicts import verdict

MAX_MENTIONS = 24
"""Pieces of one review that are looked at; the rest of a very long review still counts in its own label."""

SURE_VERDICT = 2.0
"""Times the weight of a text full of praise: the verdict of a short review overrules a classifier that misreads it."""

_LEAD = re.compile(
    r"(?i:(?:but|and|however|although|though|yet|so|also)\s+)|(?:但是|不过|可是|然而|而且|并且|只不过|虽然|但)(?=\S\S)"
)
_AND = re.compile(r"\s+(?:and|plus|while|yet|so)\s+|\s+&\s+|[和与]|而且|并且|但|就是|只是|,\s*|，|、")


@dataclass(frozen=True, slots=True)
class Mention:
    """`text[start:end]` of one review has these names of aspects, and `opinions`, the words that judge."""

    review: int
    start: int
    end: int
    names: tuple[Name, ...]
    opinions: tuple[OpinionWord, ...]

    @property
    def aspects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.aspect for name in self.names))

    @property
    def judges(self) -> bool:
        """Whether one of its aspects has a word that judges it."""
        return any(word.valence(name.aspect) for word in self.opinions for name in self.names)

    def word(self, aspect: str, sign: float) -> OpinionWord | None:
        """The word that judges the aspect this way: its own rather than a general one, then the nearest."""
        words = [word for word in self.opinions if word.valence(aspect) * sign > 0]
        places = [name for name in self.names if name.aspect == aspect]

        def distance(word: OpinionWord) -> tuple[bool, int]:
            return not word.is_about(aspect), min(max(name.start - word.end, word.start - name.end) for name in places)

        return min(words, key=distance, default=None)

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


@dataclass(frozen=True, slots=True)
class Said:
    """What one review says: its mentions of aspects, and what all its words that judge come to, from -1 to 1 (the plain
    verdict of a short review counts double). `judges`: it has such words."""

    mentions: tuple[Mention, ...]
    valence: float
    judges: bool = True


def find_said(review: int, reading: Reading, vocabulary: Vocabulary) -> Said:
    """What a review says about the aspects that the vocabulary finds in it."""
    return said_of(review, reading, vocabulary.find(reading.folded), vocabulary.lexicon)


def said_of(review: int, reading: Reading, names: Sequence[Name], lexicon: Lexicon) -> Said:
    """The first `MAX_MENTIONS` pieces that name an aspect and may be quoted.

    A clause that is hardly more than the aspect's name ("Delivery, terrible") takes the next one with it.
    """
    clauses = split_clauses(reading.text)
    words = [lexicon.find(reading.folded, clause.start, clause.end) for clause in clauses]
    values = [
        value
        for clause, found in zip(clauses, words, strict=True)
        if found and not is_doubtful(reading.folded, clause.start, clause.end)
        for word in found
        if (value := word.general)
    ]
    found = (piece for piece in _pieces(reading, clauses, words, names) if reading.is_quotable(piece.start, piece.end))
    mentions = tuple(
        Mention(review, piece.start, piece.end, tuple(piece.names), tuple(piece.opinions))
        for piece in islice(found, MAX_MENTIONS)
    )
    valence = sum(values) / (len(values) + 1)
    plain = verdict(reading.folded)
    if plain and all(value * plain > 0 for value in values):
        valence = plain * SURE_VERDICT
    return Said(mentions, valence, bool(values or plain or any(words)))


def _pieces(
    reading: Reading, clauses: Sequence[Clause], words: Sequence[list[OpinionWord]], names: Sequence[Name]
) -> Iterator[_Piece]:
    places = _by_clause(names, clauses)
    for index, (clause, opinions) in enumerate(zip(clauses, words, strict=False)):
        found = _strong(places[index])
        if not found or is_doubtful(reading.folded, clause.start, clause.end):
            continue
        end = clause.end
        is_bare = clause.end - clause.start <= max(name.end - name.start for name in found) + 1
        if is_bare and not opinions and index + 1 < len(words) and not places[index + 1]:
            end, opinions = clauses[index + 1].end, words[index + 1]
        judging = [word for word in opinions if not _is_part_of_a_name(word, found)]
        lead = _LEAD.match(reading.text, clause.start, end)
        yield from _parted(reading.text, _Piece(lead.end() if lead else clause.start, end, found, judging))


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


def _strong(names: list[Name]) -> list[Name]:
    """太大 means the size, but for a noise that is named beside it."""
    return [name for name in names if not name.is_weak or all(other.is_weak for other in names)]


def _parted(text: str, piece: _Piece) -> Iterator[_Piece]:
    """Cuts between aspects that are each judged: "great screen and terrible battery", 屏幕清晰电池太差."""
    if len({name.aspect for name in piece.names}) < 2 or len(piece.opinions) < 2:
        yield piece
        return
    current = _Piece(piece.start, piece.end, [], [])
    tokens: list[Name | OpinionWord] = [*piece.names, *piece.opinions]
    tokens.sort(key=lambda token: (token.start, token.end))
    last = piece.start
    for index, token in enumerate(tokens):
        is_full = any(word.valence(name.aspect) for word in current.opinions for name in current.names)
        if is_full and token.start >= last and _is_another(current, tokens[index:]):
            cut = _cut(text, last, token)
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


def _is_another(current: _Piece, rest: Sequence[Name | OpinionWord]) -> bool:
    """Whether the rest judges something else than the piece so far: both name a thing, or they disagree about it."""
    names = [token for token in rest if isinstance(token, Name)]
    words = [token for token in rest if not isinstance(token, Name)]
    before = {word.valence(name.aspect) > 0 for word in current.opinions for name in current.names}
    after = {value > 0 for word in words for name in names if (value := word.valence(name.aspect))}
    things = [{name.aspect for name in side if not name.judges} for side in (current.names, names)]
    return bool(after) and (bool(things[0] and things[1] - things[0]) or before != after)


def _cut(text: str, last: int, token: Name | OpinionWord) -> tuple[int, int] | None:
    """Where the piece ends and the next begins: at a conjunction, in Chinese also right before a name."""
    found = _AND.search(text, last, token.start)
    if found:
        return found.span()
    if isinstance(token, Name) and not text[token.start].isascii():
        return token.start, token.start
    return None
