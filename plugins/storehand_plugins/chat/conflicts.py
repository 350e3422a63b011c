"""Two sources that say different things about the same: other numbers in the same words, or yes beside no."""

from __future__ import annotations

import re

from storehand_plugins.chat.words import content
from storehand_plugins.checks import find_numbers, split_sentences

_SAME_WORDS = 0.6
_SAME_QUESTION = 0.8
_NEGATION = re.compile(
    r"\b(not|no|never|cannot|can't|don't|won't|isn't|aren't|doesn't|unable|without|non)\b|n't\b|不|没有|无法|未|禁止|谢绝|非",
    re.IGNORECASE,
)
_CASES = content(
    "abroad international express standard economy faulty electrical canada europe 海外 新疆 偏远 顺丰 加急 电器"
)
"""Words for one case among others: what is said of Canada or of express delivery contradicts nothing said of the
rest."""

_SHORT = 6
_YES = re.compile(r"\W*(yes|yeah|sure|of course|we do|可以|支持|能|会|有|是|包)", re.IGNORECASE)
_NO = re.compile(r"\W*(no\b|not|we do not|we don't|sorry|不|没|暂不|暂无|无)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]")


def contradict(one: str, other: str) -> bool:
    """Whether a sentence of `one` and a sentence of `other` speak of the same and differ in a number or yes and no."""
    return any(_differ(left, right) for left in _sentences(one) for right in _sentences(other))


def answers_contradict(titles: tuple[str, str], texts: tuple[str, str]) -> bool:
    """As `contradict`; short answers to one question ("8元" and "9元", "Yes" and "No") need not repeat its words."""
    if contradict(*texts):
        return True
    one, other = (_words(title) for title in titles)
    if not one or not other or len(one & other) / max(len(one), len(other)) < _SAME_QUESTION:
        return False
    left, right = texts
    if any(len(_sentences(text)) > 1 or len(_words(text)) > _SHORT for text in texts):
        return False
    said = {_YES.match(left) is not None, _YES.match(right) is not None}
    denied = {_NO.match(left) is not None, _NO.match(right) is not None}
    return _numbers_differ(left, right) or (len(said) == 2 and len(denied) == 2)


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def _differ(one: str, other: str) -> bool:
    left, right = _words(one), _words(other)
    if len(left) < 2 or len(right) < 2:
        return False
    if left & _CASES != right & _CASES:
        return False
    shared = len(left & right) / min(len(left), len(right))
    alike = len(left & right) / max(len(left), len(right))
    if shared >= _SAME_QUESTION and alike >= _SAME_WORDS and is_negative(one) != is_negative(other):
        return True
    return shared >= _SAME_WORDS and alike >= 0.5 and _numbers_differ(one, other)


def _words(sentence: str) -> frozenset[str]:
    return frozenset(term for term in content(sentence) if not _DIGITS.search(term))


def is_negative(sentence: str) -> bool:
    return len(_NEGATION.findall(sentence)) % 2 == 1


def _numbers_differ(one: str, other: str) -> bool:
    """In some unit both give numbers, and they share none."""
    left, right = _by_unit(one), _by_unit(other)
    return any(not left[unit] & right[unit] for unit in left.keys() & right.keys())


def _by_unit(sentence: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for number in find_numbers(sentence):
        if not number.is_code:
            found.setdefault(number.unit, set()).add(number.value)
    return found
