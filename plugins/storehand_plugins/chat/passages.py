"""Which sentences of an article answer a question: whole sentences, one to three in a row, as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from storehand_plugins.chat.words import Bag, bag
from storehand_plugins.checks import Span as Place
from storehand_plugins.checks import find_injection, split_sentences

SHORT_CHARS = 320
"""A text up to this length is quoted whole: cutting it would leave out what limits it."""

MOST_SENTENCES = 3
_MOST_CHARS = 600

_LIMITS = re.compile(
    r"^\W*(however|but|except|unless|only|this does not|it does not|they do not|not included|excluded|otherwise"
    r"|please note|note"
    r"|但|不过|除|另外|特殊|例外|其中|以上|注意|暂不|不支持|不包括|不适用)",
    re.IGNORECASE,
)

_SPEAKER = re.compile(r"^\W*(system|assistant|developer|系统|助手)\s*(prompt|message|提示)?\s*[:：]", re.IGNORECASE)
"""Plays a part of the conversation: no words of a shop to its customers."""

Span = tuple[int, int]


@lru_cache(maxsize=4096)
def orders_in(text: str) -> tuple[Place, ...]:
    """Where an article gives orders to a machine; looked for once per article."""
    return tuple(find_injection(text))


@lru_cache(maxsize=4096)
def quotable(text: str) -> tuple[Span, ...]:
    """The sentences of a text that may be shown: those that give orders to a machine may not."""
    orders = orders_in(text)
    return tuple(
        (start, end)
        for start, end in split_sentences(text)
        if not any(order.start < end and start < order.end for order in orders) and not _SPEAKER.search(text[start:end])
    )


def best_passage(text: str, question: Bag, weight: Callable[[str], float]) -> Span | None:
    """The span of the sentences to quote; none where no sentence may be."""
    sentences = quotable(text)
    if not sentences:
        return None
    if len(text) <= SHORT_CHARS and len(sentences) <= MOST_SENTENCES + 1 and _are_joined(text, sentences):
        return _clipped(text, (sentences[0][0], sentences[-1][1]))
    scores = [_score(text[start:end], question, weight) for start, end in sentences]
    best = max(range(len(sentences)), key=lambda place: (scores[place], -place))
    first = last = best
    while last - first + 1 < MOST_SENTENCES:
        if (
            last + 1 < len(sentences)
            and _are_joined(text, sentences[last : last + 2])
            and (_LIMITS.search(text[slice(*sentences[last + 1])]) or scores[last + 1] >= 0.6 * scores[best] > 0)
        ):
            last += 1
        elif (
            first > 0
            and _are_joined(text, sentences[first - 1 : first + 1])
            and (_LIMITS.search(text[slice(*sentences[first])]) or scores[first - 1] >= 0.6 * scores[best] > 0)
        ):
            first -= 1
        else:
            break
    return _clipped(text, (sentences[first][0], sentences[last][1]))


def _score(sentence: str, question: Bag, weight: Callable[[str], float]) -> float:
    words = bag(sentence)
    shared = sum(wanted * weight(term) for term, wanted in question.items() if term in words)
    return shared / (1 + 0.02 * sum(words.values()))


def _are_joined(text: str, sentences: tuple[Span, ...]) -> bool:
    """Nothing but white space stands between them: no sentence was left out."""
    return all(not text[one[1] : other[0]].strip() for one, other in pairwise(sentences))


def _clipped(text: str, span: Span) -> Span:
    """A sentence without an end is cut at a space or a Chinese mark."""
    start, end = span
    if end - start <= _MOST_CHARS:
        return span
    window = text[start : start + _MOST_CHARS]
    cut = max(window.rfind(mark) for mark in (" ", "，", "；", "、", ",", ";"))
    return start, start + (cut if cut > _MOST_CHARS // 2 else _MOST_CHARS)
