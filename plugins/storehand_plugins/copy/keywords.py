"""Which of the words a shop wants to be found by its products bear out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from storehand_plugins.checks import unsupported_claims, unsupported_numbers
from storehand_plugins.checks.forbidden import find_words

_HAN = re.compile(r"[\u4e00-\u9fff]+")
_PART = re.compile(r"[\u4e00-\u9fff]+|[^\W_]+(?:['-][^\W_]+)*")
_SMALL = ("a", "an", "the", "for", "of", "and", "with", "in", "to", "by", "的", "和", "与")
_LEAST_HAN = 2


def is_supported(keyword: str, facts: Sequence[str]) -> bool:
    """Whether the facts have the keyword, or every word of it: "kitchen kettle" of a kettle in the category Kitchen.

    A word inside "not waterproof" bears nothing out.
    """
    if unsupported_claims(keyword, facts) or unsupported_numbers(keyword, facts):
        return False
    return _has(keyword, facts) or all(_is_told(part, facts) for part in _parts(keyword))


def _parts(keyword: str) -> Iterable[str]:
    found = [part for part in _PART.findall(keyword) if part.lower() not in _SMALL]
    return found or [keyword]


def _is_told(part: str, facts: Sequence[str]) -> bool:
    if not _HAN.fullmatch(part):
        return _has(part, facts) or any(_has(other, facts) for other in _numbers_of(part))
    reached = {0}
    for end in range(_LEAST_HAN, len(part) + 1):
        if any(start in reached and _has(part[start:end], facts) for start in range(end - _LEAST_HAN + 1)):
            reached.add(end)
    return len(part) in reached


def _numbers_of(word: str) -> tuple[str, ...]:
    """One and many: kettle, kettles."""
    return (word[:-1], word.removesuffix("es")) if word.endswith("s") else (f"{word}s", f"{word}es")


def _has(word: str, facts: Sequence[str]) -> bool:
    return any(find_words(fact, (word,)) for fact in facts)
