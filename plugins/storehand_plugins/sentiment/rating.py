"""What the classifier is asked, and what its answers come to: one opinion per review and per clause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storehand.task import Context, Models
from storehand_plugins.sentiment.aspects import Vocabulary
from storehand_plugins.sentiment.clauses import readable, windows
from storehand_plugins.sentiment.labels import LabelReader, Opinion, combine
from storehand_plugins.sentiment.lexicon import emoji_valences
from storehand_plugins.sentiment.mentions import Mention, Said, find_said
from storehand_plugins.sentiment.reading import ADDRESS, Reading, has_han
from storehand_plugins.sentiment.statements import Statement, judge, needs_classifier, strongest
from storehand_plugins.sentiment.words import word_pattern

ROLE = "sentiment"
TEXTS_PER_CALL = 512
"""Enough for full batches, few enough that a cancelled job is noticed in between."""

MAX_WINDOWS = 64
"""A longer review is judged by its beginning, and flagged `truncated`: 64 windows of the starter are 16,000 tokens."""

NOTHING = Opinion(0.0, 1.0, 0.0, 0.0)
"""Of a text that says nothing."""

_SPARE_TOKENS = 4  # for the special tokens of any model
_LETTER = re.compile(r"[^\W\d_]")
_SHORT_ZH, _SHORT_EN = 6, 3
"""Characters, words: where nobody can say what a text without a word of opinion means."""

_EMOJI_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Rated:
    """One review with its opinion and its statements. `truncated`: its end was not read."""

    reading: Reading
    opinion: Opinion
    statements: tuple[Statement, ...]
    truncated: bool


class Rater:
    """Gathers the texts of one job, asks about each different one once, and hands the opinions out."""

    def __init__(self, models: Models, context: Context) -> None:
        self._models, self._context = models, context
        self.info = models.info(ROLE)
        self._reader = LabelReader(self.info.labels)
        self._limit = max(1, self.info.max_tokens - _SPARE_TOKENS)
        self._found: dict[str, Opinion] = {}
        self._cut: set[str] = set()

    def rate(self, readings: Sequence[Reading], words: Vocabulary) -> list[Rated]:
        """All reviews, in order; whole texts and clauses go to the model together."""
        return self.rate_said(readings, [self._said(number, reading, words) for number, reading in enumerate(readings)])

    def _said(self, number: int, reading: Reading, words: Vocabulary) -> Said:
        self._context.check()
        return find_said(number, reading, words)

    def rate_said(self, readings: Sequence[Reading], said: Sequence[Said]) -> list[Rated]:
        """The same, of what was found in them already."""
        pieces = [self._pieces(reading) for reading in readings]
        clauses = [
            _shown(readings[each.review], each) for found in said for each in found.mentions if needs_classifier(each)
        ]
        self._ask([*(text for found in pieces for text in found[:MAX_WINDOWS]), *clauses])
        return [self._rated(*each) for each in zip(readings, pieces, said, strict=True)]

    def _pieces(self, reading: Reading) -> list[str]:
        """The windows that stand for a review; none for a text without letters."""
        self._context.check()
        text = readable(ADDRESS.sub(" ", reading.text))
        if not _LETTER.search(text):
            return []
        return windows(text, lambda piece: self._models.count_tokens(ROLE, piece), self._limit)

    def _ask(self, texts: Sequence[str]) -> None:
        """Shoppers repeat each other, and a short review is its own only clause: ask once."""
        different = list(dict.fromkeys(texts))
        for start in range(0, len(different), TEXTS_PER_CALL):
            self._context.check()
            asked = different[start : start + TEXTS_PER_CALL]
            for text, answer in zip(asked, self._models.classify(ROLE, asked), strict=True):
                self._found[text] = self._reader.read(answer)
                if answer.truncated:
                    self._cut.add(text)

    def _rated(self, reading: Reading, pieces: Sequence[str], said: Said) -> Rated:
        read = pieces[:MAX_WINDOWS]
        opinion = self._whole(reading, read).told(said.valence)
        if read and not said.judges and _is_very_short(reading.text):
            opinion = combine([opinion, NOTHING], [1, 1])
        opinion = opinion.rounded()
        statements: list[Statement] = []
        for mention in said.mentions:
            clause = self._found[_shown(reading, mention)] if needs_classifier(mention) else None
            statements += judge(mention, clause, opinion)
        truncated = len(pieces) > len(read) or any(piece in self._cut for piece in read)
        return Rated(reading, opinion, tuple(strongest(statements)), truncated)

    def _whole(self, reading: Reading, pieces: Sequence[str]) -> Opinion:
        """The windows' mean, weighted by their length; of a text without letters what its emoji say."""
        if not pieces:
            return emoji_opinion(ADDRESS.sub(" ", reading.text))
        return combine([self._found[piece] for piece in pieces], [len(piece) for piece in pieces])


def _is_very_short(text: str) -> bool:
    return sum(map(str.isalpha, text)) <= _SHORT_ZH if has_han(text) else len(text.split()) <= _SHORT_EN


def _shown(reading: Reading, mention: Mention) -> str:
    return readable(reading.text[mention.start : mention.end])


def emoji_opinion(text: str) -> Opinion:
    """Faces and thumbs stand for what everybody means by them; as many good as bad ones, or others only: neutral."""
    valences = emoji_valences()
    found = [valences[match[0]] for match in _EMOJI.finditer(text.lower())]
    good = sum(value > 0 for value in found)
    bad = len(found) - good
    if good == bad:
        return NOTHING
    positive, negative = (_EMOJI_SHARE * count / len(found) for count in (good, bad))
    return Opinion(negative, 1 - positive - negative, positive, positive - negative)


_EMOJI = word_pattern(emoji_valences())
