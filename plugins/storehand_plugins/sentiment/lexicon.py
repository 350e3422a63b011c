"""Words that judge, in both languages, with what turns them round or makes them a complaint. The words are in
opinions.toml; those that judge one aspect only are in aspects.toml."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from storehand_plugins.sentiment.words import en_words, word_pattern, zh_words

_FILE = Path(__file__).with_name("opinions.toml")
_DOUBT = re.compile(
    r"不知道|不晓得|会不会|是不是|能不能|好不好|是否|如果|要是|但愿|担心|说是|还没|尚未|没试|没用过|没尝过|没穿过|我?也?不清楚$|看不出来"
    r"|说不准|不好说|不好评价"
    r"|\b(?:if|whether|hope|hoping|wish|worried|wondering|not sure|haven't|have not|has not|not yet|in case)\b"
)
_TROUBLE = re.compile(r"problems?|issues?|complaints?|troubles?|defects?|flaws?|errors?|问题|毛病|瑕疵|故障")
_NO_TROUBLE = re.compile(
    r"(?<![a-z])(?:no|without|zero|never (?:had|have|having)"
    r"|(?:haven't|have not|hasn't|didn't|not) (?:had|have|a))\s+(?:[a-z-]+\s+){0,3}$"
    r"|(?:没有?|毫无|无)(?:[^不但，。没]{0,5})$"
)
_NONE_BEHIND = re.compile(r"[^，。！；,!?]{0,2}(?:都|也)(?:没有?|不存在)")
"""Trouble that is denied: "no battery problems", 没有任何质量问题, 一点问题都没有."""

_LOOK_BACK = 32
"""Characters before a word in which its negation and degree are looked for."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a word says: in general, and about certain aspects. `grades`: it judges behind 太 and "too" only."""

    general: float = 0.0
    about: tuple[tuple[str, float], ...] = ()
    owner: str = ""
    grades: bool = False
    mild: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class OpinionWord:
    """Characters `start` to `end`, with the negation and the degree before them."""

    start: int
    end: int
    entry: _Entry
    negated: bool
    too: bool

    @property
    def is_mild(self) -> bool:
        return self.entry.mild

    @property
    def general(self) -> float:
        """What it says about the product as a whole."""
        return self.valence(self.entry.owner)

    def is_about(self, aspect: str) -> bool:
        """Whether it is one of this aspect's own words."""
        return any(name == aspect for name, _ in self.entry.about)

    def valence(self, aspect: str) -> float:
        """From -1 to 1: what the word says about this aspect; another aspect's own word says nothing."""
        entry = self.entry
        if entry.owner and entry.owner != aspect:
            return 0.0
        value = dict(entry.about).get(aspect, entry.general)
        if entry.grades and self.too:
            value = -1.0
        if not self.negated:
            return value
        return -1.0 if value > 0 else 0.7 if value < 0 else 0.0


_ByAspect = Mapping[str, Iterable[tuple[str, float]]]


class Lexicon:
    """Finds opinion words. `own` are words that judge an aspect in themselves, `beside` those that do where it is
    named, `complaints` judge whatever is named."""

    def __init__(self, own: _ByAspect, beside: _ByAspect, complaints: Iterable[str]) -> None:
        words = tomllib.loads(_FILE.read_text(encoding="utf-8"))
        self._entries = _entries(words, own, beside, complaints)
        self._pattern = word_pattern(self._entries)
        zh, en = words["zh"], words["en"]
        self._zh_before = _before(zh_words(zh["not"]), zh_words(zh["between"]), zh_words(zh["very"]), space="")
        self._en_before = _before(en_words(en["not"]), en_words(en["between"]), en_words(en["very"]), space=r"\s+")
        self._zh_too = re.compile(f"(?:{_any(zh_words(zh['too']))})(?:的|得|地)?$")
        self._en_too = re.compile(rf"\b(?:{_any(en_words(en['too']))})\s+$")

    def judges(self, word: str) -> bool:
        """Whether the word is an opinion in general (good, 差)."""
        entry = self._entries.get(word)
        return entry is not None and entry.general != 0 and not entry.about

    def find(self, folded: str, start: int, end: int) -> list[OpinionWord]:
        """Those in `folded[start:end]`, which is one clause."""
        return [
            self._word(folded, start, match.start(), match.end(), entry)
            for match in self._pattern.finditer(folded, start, end)
            if not (entry := self._entries[match[0]]).plain
        ]

    def _word(self, folded: str, clause: int, start: int, end: int, entry: _Entry) -> OpinionWord:
        before = folded[max(clause, start - _LOOK_BACK) : start]
        is_latin = folded[start].isascii()
        degree = (self._en_too if is_latin else self._zh_too).search(before)
        found = (self._en_before if is_latin else self._zh_before).search(before)
        negated = bool(found and found["not"])
        if not negated and entry.general < 0:
            far = _NO_TROUBLE.search(before) if _TROUBLE.match(folded, start, end) else None
            negated = far is not None or _NONE_BEHIND.match(folded, end) is not None
            found = far or found
        first = start - len(found[0]) if found else start
        while folded[first].isspace():
            first += 1
        return OpinionWord(first, end, entry, negated, degree is not None)


def is_doubtful(folded: str, start: int, end: int) -> bool:
    """Whether the clause asks, hopes or fears instead of saying how it is."""
    return _DOUBT.search(folded, start, end) is not None


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _before(nots: tuple[str, ...], between: tuple[str, ...], very: tuple[str, ...], *, space: str) -> re.Pattern[str]:
    """The negation, up to four small words and the degree right before an opinion word, whichever are there."""
    edge = r"(?<![a-z0-9])" if space else ""
    no = f"(?:{_any(nots)})" + (
        r"(?![a-z])(?!\s+(?:only|just|to mention))" if space else "(?!但|仅|光|只|管|过(?!分)|止)"
    )
    if space:
        no = rf"(?:{edge}|(?<=n)(?='t)|(?=n't)){no}"
    small = f"(?:{_any((*between, *very))})"
    degree = f"(?:{_any(very)})"
    return re.compile(rf"(?:(?P<not>{no})(?:{space}{edge}{small}){{0,4}}|{edge}{degree}){space}$")


def _entries(
    words: Mapping[str, Mapping[str, str]], own: _ByAspect, beside: _ByAspect, complaints: Iterable[str]
) -> dict[str, _Entry]:
    general: dict[str, float] = dict.fromkeys(complaints, -1.0)
    grading, mild, plain = set[str](), set[str](), set[str]()
    for language, split in (("zh", zh_words), ("en", en_words)):
        part = words[language]
        general |= dict.fromkeys(split(part["bad"]), -1.0) | dict.fromkeys(split(part["good"]), 1.0)
        grading |= set(split(part["scale"]))
        mild |= set(split(part["mild"]))
        plain |= set(split(part["plain"]))
    general |= dict.fromkeys(words["emoji"]["good"].split(), 1.0) | dict.fromkeys(words["emoji"]["bad"].split(), -1.0)
    about: dict[str, dict[str, float]] = defaultdict(dict)
    for aspect, valued in beside.items():
        for word, value in valued:
            about[word][aspect] = value
    owners = {word: (aspect, value) for aspect, valued in own.items() for word, value in valued}
    entries = {
        word: _Entry(
            general.get(word, 0.0), tuple(sorted(about[word].items())), "", word in grading, word in mild, word in plain
        )
        for word in (*general, *about, *grading, *mild, *plain)
    }
    for word, (aspect, value) in owners.items():
        shared = word in general
        entries[word] = _Entry(value, ((aspect, value),), "" if shared else aspect, word in grading)
    return entries


@cache
def emoji_valences() -> Mapping[str, float]:
    """Emoji -> 1 or -1."""
    part = tomllib.loads(_FILE.read_text(encoding="utf-8"))["emoji"]
    return dict.fromkeys(part["good"].split(), 1.0) | dict.fromkeys(part["bad"].split(), -1.0)
