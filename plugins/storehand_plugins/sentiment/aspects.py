"""What shoppers talk about, in both languages, and where a text mentions it. The words are in aspects.toml; a job may
bring more of them, aspects of its own, and choose."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from storehand_plugins.sentiment.lexicon import Lexicon
from storehand_plugins.sentiment.reading import folded
from storehand_plugins.sentiment.words import en_words, word_pattern, zh_words

_FILE = Path(__file__).with_name("aspects.toml")
_FIX = {"zh": "改进{name}", "en": "Improve {name}"}


@dataclass(frozen=True, slots=True)
class Aspect:
    """`asked` is the name a job gave it; without one it has a name in each language. `fix` is what to do about it."""

    id: str
    names: Mapping[str, str]
    words: tuple[str, ...]
    own: tuple[tuple[str, float], ...] = ()
    alone: tuple[str, ...] = ()
    beside: tuple[tuple[str, float], ...] = ()
    fix: Mapping[str, str] | None = None
    asked: str = ""

    def name(self, language: str) -> str:
        return self.asked or self.names[language]

    def improvement(self, language: str) -> str:
        return self.fix[language] if self.fix else _FIX[language].format(name=self.name(language))


@dataclass(frozen=True, slots=True)
class Name:
    """Characters `start` to `end` name the aspect. `judges`: the word is an opinion in itself; `is_weak`: it means this
    aspect only where the clause names no other."""

    start: int
    end: int
    aspect: str
    judges: bool
    is_weak: bool = False


class Vocabulary:
    """The aspects of a job. `wanted` are the ids it asked for; empty for all."""

    def __init__(self, aspects: Sequence[Aspect], lexicon: Lexicon, wanted: frozenset[str] = frozenset()) -> None:
        self.by_id = {aspect.id: aspect for aspect in aspects}
        self.order = {aspect.id: number for number, aspect in enumerate(aspects)}
        self.lexicon = lexicon
        self._wanted = wanted
        self._owner: dict[str, tuple[str, bool, bool]] = {}
        for aspect in sorted(aspects, key=lambda each: not each.asked):  # what the shop says a word means comes first
            for word in aspect.words:
                self._owner.setdefault(folded(word), (aspect.id, False, False))
            for word, _ in aspect.own:
                self._owner.setdefault(word, (aspect.id, True, False))
            for word in aspect.alone:
                self._owner.setdefault(word, (aspect.id, True, True))
        self._pattern = word_pattern(self._owner)
        self.terms = frozenset(word for word in self._owner if len(word) > 1)
        self.names = frozenset(word for word, (_, judges, _) in self._owner.items() if len(word) > 1 and not judges)
        """Of the terms, those that only name."""

    def find(self, text: str) -> list[Name]:
        """Every mention of an aspect in folded text; of words that overlap, the longest."""
        names = []
        for match in self._pattern.finditer(text):
            name = Name(match.start(), match.end(), *self._owner[match[0]])
            if not self._wanted or name.aspect in self._wanted:
                names.append(name)
        return names


@lru_cache(maxsize=256)  # a shop's jobs ask for the same aspects again and again
def vocabulary(asked: tuple[str, ...] = (), synonyms: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Vocabulary:
    """The built-in aspects, plus those that the job names.

    A name that is a built-in aspect's (its id, its Chinese or its English name) means that aspect; failing that, a word
    of its (续航 for the battery), if no other name took the aspect; failing that, it is an aspect of the shop's own,
    known by its name and its synonyms. Asked-for aspects keep the name they were asked by.
    """
    aspects, lexicon = _built_in()
    by_id = {aspect.id: aspect for aspect in aspects}
    ids = _resolved((*asked, *(name for name, _ in synonyms)), aspects)
    more = dict(synonyms)
    for name, aspect_id in ids.items():
        known = by_id.get(aspect_id, Aspect(aspect_id, {}, (name,)))
        words = (*more.get(name, ()), *known.words)
        by_id[aspect_id] = replace(known, words=words, asked=known.asked or name)
    return Vocabulary(tuple(by_id.values()), lexicon, frozenset(ids[name] for name in asked))


def _resolved(names: Sequence[str], aspects: Sequence[Aspect]) -> dict[str, str]:
    """Name -> aspect id; a name that is none of ours is an id of its own."""
    ids: dict[str, str] = {}
    by_name = {folded(name): aspect.id for aspect in aspects for name in (aspect.id, *aspect.names.values())}
    by_word = {word: aspect.id for aspect in reversed(aspects) for word in (*aspect.words, *dict(aspect.own))}
    for name in names:
        if folded(name) in by_name:
            ids[name] = by_name[folded(name)]
    for name in names:
        if name not in ids:
            found = by_word.get(folded(name))
            ids[name] = found if found is not None and found not in ids.values() else f"own:{folded(name)}"
    return ids


@cache
def _built_in() -> tuple[tuple[Aspect, ...], Lexicon]:
    aspects = tuple(map(_aspect, tomllib.loads(_FILE.read_text(encoding="utf-8"))["aspect"]))
    alone = frozenset(word for each in aspects for word in each.alone)
    lexicon = Lexicon({each.id: each.own for each in aspects}, {each.id: each.beside for each in aspects}, alone)
    return aspects, lexicon


def _aspect(row: Mapping[str, str]) -> Aspect:
    def listed(key: str) -> tuple[str, ...]:
        return (*zh_words(row.get(f"zh_{key}", "")), *en_words(row.get(f"en_{key}", "")))

    def valued(good: str, bad: str) -> tuple[tuple[str, float], ...]:
        return (*((word, 1.0) for word in listed(good)), *((word, -1.0) for word in listed(bad)))

    return Aspect(
        row["id"],
        {"zh": row["zh"], "en": row["en"]},
        listed("words"),
        own=valued("good", "bad"),
        alone=listed("alone"),
        beside=valued("plus", "minus"),
        fix={"zh": row["zh_fix"], "en": row["en_fix"]},
    )
