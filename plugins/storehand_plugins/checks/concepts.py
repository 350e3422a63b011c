"""Ideas that products are sold with, in words of both languages: materials, features, looks, audiences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from storehand.contracts.claim import ClaimKind
from storehand_plugins.checks.tables import read_table

_HAN = "\u4e00-\u9fff"


@dataclass(frozen=True, slots=True)
class Concept:
    """One idea. Of one `family`, where it is not empty, a product has one at a time (wired, wireless).

    `broader` are the keys of what it is a kind of: oak is wood.
    """

    key: str
    family: str
    kind: ClaimKind
    broader: frozenset[str]

    def fits(self, other: Concept) -> bool:
        """Whether one thing may be both."""
        return self.key == other.key or other.key in self.broader or self.key in other.broader


@dataclass(frozen=True, slots=True)
class Mention:
    """Characters `start` to `end` of the folded text. A silent one claims nothing by itself."""

    start: int
    end: int
    concept: Concept
    is_negated: bool
    is_silent: bool
    is_compared: bool = False


@lru_cache(maxsize=512)
def find_mentions(folded: str) -> tuple[Mention, ...]:
    """Every concept the folded text names, in order, the longest words first."""
    found: list[Mention] = []
    for is_look, pattern, words in _tables():
        last = 0  # the 无 of 无味可降解 denies nothing of what follows
        for match in pattern.finditer(folded):
            entry = words[_squash(match.group())]
            if entry is not None:
                concept, is_silent = entry
                is_negated = _is_negated(folded, match, last)
                compared = concept.kind == "material" and _is_compared(folded, *match.span())
                quiet = is_silent or is_look or compared
                found.append(Mention(match.start(), match.end(), concept, is_negated, quiet, compared))
            last = match.end()
    return tuple(sorted(found, key=lambda each: (each.start, -each.end)))


_Words = dict[str, tuple[Concept, bool] | None]


@lru_cache(maxsize=1)
def _tables() -> tuple[tuple[bool, re.Pattern[str], _Words], ...]:
    """Colours have a table of their own: gold is both a metal and a look."""
    data = read_table("terms")
    decoys = {word: None for line in data["decoys"].splitlines() for word in _split(line)}
    looks: dict[str, tuple[Concept, bool] | None] = {}
    others: dict[str, tuple[Concept, bool] | None] = dict(decoys)
    for group in data["group"]:
        target = looks if group["family"] == "colour" else others
        for word, entry in _entries(group):
            target[word] = entry
    tables = ((True, looks), (False, others))
    return tuple(
        (name, _pattern(words), {_squash(word): each for word, each in words.items()}) for name, words in tables
    )


def _entries(group: dict[str, Any]) -> Iterator[tuple[str, tuple[Concept, bool]]]:
    family, broader = group["family"], group.get("broader", {})
    quiet = set(_split(group.get("silent_words", {}).get("words", "")))
    for name, words in group["words"].items():
        above = frozenset(f"{family}.{each}" for each in broader.get(name, "").split())
        concept = Concept(f"{family}.{name}", family, group.get("kind", "other"), above)
        for word in _split(words):
            yield word, (concept, group.get("silent", False) or word in quiet)


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _pattern(words: _Words) -> re.Pattern[str]:
    """Grouped by their first character, longest first: the engine looks at a few words per place instead of all."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        by_first.setdefault(word[0], []).append(word)
    groups = [f"{re.escape(first)}(?:{'|'.join(_rest(word) for word in group)})" for first, group in by_first.items()]
    latin = [group for first, group in zip(by_first, groups, strict=True) if first.isascii()]
    others = [group for first, group in zip(by_first, groups, strict=True) if not first.isascii()]
    return re.compile("|".join([f"(?<![a-z])(?:{'|'.join(latin)})", *others] if latin else others))


def _rest(word: str) -> str:
    """What follows the first character."""
    if len(word) == 1:  # 麻 is also in 麻烦: alone, or in front of what things are made into
        return rf"(?:(?<![{_HAN}].)(?![{_HAN}])|(?=[制质管件]))"
    rest = r"[\s-]?".join(re.escape(part) for part in word.split())[len(re.escape(word[0])) :]
    return rest + ("(?![a-z])" if word[-1].isascii() else "")


def _squash(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


_NOT_BEFORE = re.compile(
    r"(?:\bnot\b(?! only| just)|n't\b|\bnon|\bwithout\b|\bnever\b|\bfree (?:of|from)\b|\binstead of\b|\brather than\b"
    r"|\bunlike\b)[^.,;:!?]{0,24}$|\bno[\s-](?:\w+\s)?$"
)
_NOT_AFTER = re.compile(r"(?:[\s-]free\b|\s?[:：]\s?(?:no|none|false|否|无|没有|不支持)(?![a-z\u4e00-\u9fff]))")
_NOT_BEFORE_ZH = re.compile(
    r"(?:不(?![仅但只止光错锈怕惧论])|非(?![常凡])|无(?![论比线疑敌惧])|没有?|未|免|零|拒绝|告别|而不是|代替)[^，。；、！？,.\s]{0,3}$"
)


def _is_negated(folded: str, match: re.Match[str], last: int) -> bool:
    before = folded[max(last, match.start() - 40) : match.start()]
    return bool(_NOT_AFTER.match(folded, match.end()) or _NOT_BEFORE.search(before) or _NOT_BEFORE_ZH.search(before))


_COMPARED = re.compile(
    r"(?:\bthan|\bas|\bversus|\bvs\.?|\bunlike|\breplac(?:es|ing)|\b(?:strength|weight|price|half|hardness) of"
    r"|\bcompared (?:to|with)|\blike)\s(?:an?\s|the\s|ordinary\s|normal\s|conventional\s|traditional\s)?$"
    r"|(?:比|像|如|似|媲美|胜过|优于|堪比)(?:普通|传统|一般)?$"
)
_COMPARED_AFTER = re.compile(r"的\s?[0-9一二两三四五六七八九十.]{1,6}倍|一样|一般的|般|更|还")


def _is_compared(folded: str, start: int, end: int) -> bool:
    """Steel in "stronger than steel" and 钢 in 强度是钢的2倍 is what the product is not."""
    before, after = folded[max(0, start - 32) : start], folded[end : end + 8]
    return bool(_COMPARED.search(before) or _COMPARED_AFTER.match(after))
