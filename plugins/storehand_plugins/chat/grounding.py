"""Checks one generated sentence against the sources it cites: words, numbers, names, yes and no, promises."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storehand.contracts.chat import Citation
from storehand_plugins.chat.conflicts import is_negative
from storehand_plugins.chat.passages import quotable
from storehand_plugins.chat.retrieval import Candidate
from storehand_plugins.chat.words import bag, content
from storehand_plugins.checks import (
    find_injection,
    find_numbers,
    find_personal,
    fold,
    unsupported_claims,
    unsupported_numbers,
)

_SUPPORT = 0.6
"""Share of a sentence's telling words that its sources must have."""

_MARK = re.compile(r"\s*[\[【]\s*([0-9]+(?:\s*[,，、]\s*[0-9]+)*)\s*[\]】]")
_LINK = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_PROMISE = re.compile(
    r"\b(i|we)( will|'ll| have|'ve| am going to| are going to| can)( now| already| gladly| immediately)? "
    r"(refund(ed)?|reimbursed?|compensated?|cancel(l?ed)?|credit(ed)?|issued?|process(ed)?"
    r"|changed?|updated?|deleted?|waived?|guarantee|promise|offer you)\b"
    r"|\byou(r money)? (will|shall) (be refunded|get (your|the|a full) (money|refund))\b"
    r"|\byour (refund|order|account) has been\b"
    r"|(我|我们|这边|本店)(会|将|已经?|马上|立即|可以)?(为您|给您|帮您|替您)(办理|申请|处理|安排)?(退款|退钱|赔偿|补偿|取消|修改|更改|注销|免单|减免)|(已|已经)(为您|给您|帮您)(?!转接|登记)|保证|承诺您",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence without its marks, and the sentences of the sources it rests on."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that must not be said, and why."""

    text: str
    reason: str


def promises(text: str) -> list[str]:
    """What the assistant's own words promise or claim to have done, which only a person may."""
    return [match.group() for match in _PROMISE.finditer(text)]


def check_sentence(sentence: str, sources: Mapping[int, Candidate], *, said: str = "") -> Supported | Dropped:
    """`sources` by the number the model was told; a sentence without a mark may rest on any one of them. `said` are the
    customer's own words, whose numbers (his order, his size) may be repeated."""
    numbers = [int(each) for marks in _MARK.findall(sentence) for each in re.findall(r"[0-9]+", marks)]
    text = _MARK.sub("", sentence).strip().strip("*#-• ").strip()
    if not any(map(str.isalnum, text)):
        return Dropped(text, "it says nothing")
    if _PROMISE.search(text):
        return Dropped(text, "it promises what only a person may")
    if find_injection(text):
        return Dropped(text, "it gives orders to a machine")
    cited = [sources[number] for number in dict.fromkeys(numbers) if number in sources]
    if numbers and not cited:
        return Dropped(text, "it cites a source that was not given")
    fault: str | None = "no source says this"
    for group in [cited] if cited else [[source] for source in sources.values()]:
        fault = _fault(text, [_shown(source) for source in group], said)
        if fault is None:
            return Supported(
                text, tuple(_citation(text, source) for source in group if _share(text, source.article.text) > 0)
            )
    return Dropped(text, fault if cited and fault else "no source says this")


def _fault(text: str, sources: Sequence[str], said: str) -> str | None:
    union = "\n".join(sources)
    if unsupported_numbers(text, [union, *([said] if said else [])]):
        return "its source does not have this number"
    if unsupported_claims(text, [union]):
        return "its source does not claim this"
    squashed = fold(union).squashed().text
    outside = [*_LINK.findall(text), *(each.text for each in find_personal(text))]
    if any(fold(each).squashed().text.strip(".,;") not in squashed for each in outside):
        return "its source does not have this address or number"
    if _share(text, union) < _SUPPORT:
        return "its source does not say this"
    nearest = _nearest(text, union)
    if (
        nearest
        and _share(text, nearest) >= _SUPPORT
        and is_negative(text) != is_negative(nearest)
        and not find_numbers(text)
    ):
        return "its source says the opposite"
    return None


def _share(text: str, source: str) -> float:
    """Of the text's telling words, how many the source has."""
    words, there = content(text), bag(source)
    return sum(word in there for word in words) / len(words) if words else 0.0


def _shown(source: Candidate) -> str:
    """Title and sentences that the model was shown: injected ones are no support."""
    text = source.article.text
    return "\n".join([source.article.title, *(text[start:end] for start, end in quotable(text))])


def _nearest(text: str, union: str) -> str:
    lines = [line for part in union.split("\n") for line in (part[start:end] for start, end in quotable(part))]
    return max(lines, key=lambda line: _share(text, line), default="")


def _citation(text: str, source: Candidate) -> Citation:
    article = source.article
    spans = quotable(article.text) or ((source.start, source.end),)
    start, end = max(spans, key=lambda span: (_share(text, article.text[span[0] : span[1]]), -span[0]))
    return Citation(knowledge_id=article.id, start=start, end=end, quote=article.text[start:end])
