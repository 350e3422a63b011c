"""What stands in front of a word that the product uses too: chocolate flavour for peanut, one motor for two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from storehand_plugins.checks.concepts import find_mentions
from storehand_plugins.checks.folding import Folded, fold
from storehand_plugins.checks.parts import is_vague
from storehand_plugins.checks.statements import Statement

_LABELS = re.compile(r"flavou?r|scent|fragrance|shape|pattern|口味|香味|香型|形状|图案|花型|茶底|馅料")
_QUALITY = re.compile(r".*(?:able|ible|ic|ful|ous|ive|y|ed|ing|al|er|est|less|ish|ant|ent)$")
_ANY_ZH = re.compile(r"[的种款个是有和不好多各原真新这那此浓香]")
_COUNTS = {"single": 1, "one": 1, "dual": 2, "twin": 2, "double": 2, "two": 2, "triple": 3, "three": 3, "four": 4}
_COUNTS_ZH = {"单": 1, "双": 2, "三": 3, "四": 4}
_COUNTED = re.compile(
    rf"(?<![a-z])({'|'.join(_COUNTS)})[\s-]([a-z]{{4,20}})(?![a-z])|([单双三四])([\u4e00-\u9fff]{{2}})"
)

_Found = tuple[str, str, int, int]


def contradicted_wordings(folded: Folded, statements: Sequence[Statement]) -> Iterator[_Found]:
    """Attribute, value and the span in the original text."""
    told = " ".join(fold(each.text).text for each in statements)
    for statement, noun in _nouns(statements):
        before = rf"(?<![a-z])([a-z]{{3,20}})[\s-]{re.escape(noun.rstrip('s'))}s?(?![a-z])"
        if not noun.isascii():
            before = rf"(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{{2,3}}){re.escape(noun)}"
        for match in re.finditer(before, folded.text):
            if not (_is_no_value(match[1]) or _is_in(match[1], told)):
                yield statement.label, statement.value, *folded.span(*match.span(1))
    yield from _counts(folded, statements)


def _nouns(statements: Sequence[Statement]) -> Iterator[tuple[Statement, str]]:
    """A label such as flavour, and the grips of the note "cork grips"."""
    for statement in statements:
        label = fold(statement.label).text.strip()
        if _LABELS.fullmatch(label):
            yield statement, label
        words = re.fullmatch(r"[a-z]{3,20}[\s-]([a-z]{3,20})", fold(statement.text).text)
        if words and statement.label == "positiveNotes":
            mentions = find_mentions(fold(statement.text).text)
            if any(each.start == 0 and each.concept.kind == "material" for each in mentions):
                yield statement, words[1]


def _is_no_value(word: str) -> bool:
    return is_vague(word) or bool(_QUALITY.fullmatch(word) if word.isascii() else _ANY_ZH.search(word))


def _is_in(word: str, told: str) -> bool:
    if word.isascii():
        return word[: max(4, len(word) - 2)] in told
    return any(word[index : index + 2] in told for index in range(len(word) - 1))


def _counts(folded: Folded, statements: Sequence[Statement]) -> Iterator[_Found]:
    known = {noun: (count, each) for each in statements for count, noun, _ in _counted(fold(each.text).text)}
    said = list(_counted(folded.text)) if known else []
    right = {noun for count, noun, _ in said if noun in known and known[noun][0] == count}
    for count, noun, span in said:
        if noun in known and noun not in right and known[noun][0] != count:
            statement = known[noun][1]
            yield statement.label, statement.value, *folded.span(*span)


@lru_cache(maxsize=512)
def _counted(text: str) -> tuple[tuple[int, str, tuple[int, int]], ...]:
    found = []
    for match in _COUNTED.finditer(text):
        if match[1]:
            found.append((_COUNTS[match[1]], match[2].rstrip("s"), match.span(1)))
        else:
            found.append((_COUNTS_ZH[match[3]], match[4], match.span()))
    return tuple(found)
