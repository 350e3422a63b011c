"""The patterns of `triggers_en.toml` and `triggers_zh.toml`: what one clause of a customer means."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from storehand_plugins.chat.hanzi import simplified
from storehand_plugins.chat.languages import Language
from storehand_plugins.checks import fold

Pattern = re.Pattern[str]

_CLAUSE = re.compile(
    r"[^.!?。！？\n;；,，、…~～]*(?:[.!?。！？\n;；,，、…~～]+(?=\s|$|[^\x00-\x7f])|[.!?,;~](?=\S)|[。！？；，、…～\n]|$)"
)
_CONTRACTIONS = (
    (re.compile(r"\b(ca)n't\b"), r"\1nnot"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(i)'m\b"), r"\1 am"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"\b(it|that|what|where|who|how|when|there|here|he|she|this)'?s\b(?<!\bthis)"), r"\1 is"),
    (re.compile(r"\b(do|does|did|is|are|was|has|have|had|wo|could|would)nt\b"), r"\1 not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\bi would like (you )?to\b"), "i want to"),
    (re.compile(r"\bi would like\b"), "i want"),
    (re.compile(r"\b(ur)\b"), "your"),
    (re.compile(r"\bu\b"), "you"),
    (re.compile(r"\b(wanna)\b"), "want to"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning. `requests` and `pairs` depend on the clause's form, `facts` and `harms` do not; `unless` takes the
    clause out."""

    requests: Pattern | None
    facts: Pattern | None
    unless: Pattern | None
    pairs: tuple[tuple[Pattern, Pattern], ...] = ()
    harms: tuple[tuple[Pattern, Pattern], ...] = ()

    def is_fact(self, clause: str) -> bool:
        return _found(self.facts, clause) and not _found(self.unless, clause)

    def is_request(self, clause: str) -> bool:
        return _found(self.requests, clause) and not _found(self.unless, clause)

    def is_pair(self, clause: str) -> bool:
        """A deed and what it is to be done to, in whatever order and with whatever between them."""
        return _both(self.pairs, clause) and not _found(self.unless, clause)

    def is_harm(self, clause: str) -> bool:
        """What was hurt or failed dangerously, and how; told, not asked for, so that no form takes it out."""
        return _both(self.harms, clause) and not _found(self.unless, clause)


@dataclass(frozen=True, slots=True)
class Patterns:
    """One language's rules and forms, by the names of the file."""

    rules: Mapping[str, Rule]
    complaints: Mapping[str, Rule]
    forms: Mapping[str, Pattern | None]
    smalltalk: Mapping[str, Pattern | None]
    mood: Mapping[str, Pattern | None]


@cache
def patterns(language: Language) -> Patterns:
    file = resources.files("storehand_plugins.chat") / f"triggers_{language}.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    apart = ("forms", "smalltalk", "mood", "complaint")
    return Patterns(
        rules={name: _rule(each) for name, each in table.items() if name not in apart},
        complaints={name: _rule(each) for name, each in table["complaint"].items()},
        forms={name: _union(each) for name, each in table["forms"].items()},
        smalltalk={name: _union(each) for name, each in table["smalltalk"].items()},
        mood={name: _union(each) for name, each in table["mood"].items()},
    )


def plain(text: str) -> str:
    """What the patterns are matched against: folded, without contractions, in simplified characters."""
    folded = simplified(fold(text).text)
    for pattern, written in _CONTRACTIONS:
        folded = pattern.sub(written, folded)
    return folded


def clauses(text: str) -> list[str]:
    """Pieces between punctuation marks, with their marks."""
    return [piece for piece in (found[0].strip() for found in _CLAUSE.finditer(text)) if any(map(str.isalnum, piece))]


def is_found(pattern: Pattern | None, text: str) -> bool:
    return _found(pattern, text)


def _found(pattern: Pattern | None, text: str) -> bool:
    return pattern is not None and pattern.search(text) is not None


def _both(pairs: Sequence[tuple[Pattern, Pattern]], clause: str) -> bool:
    return any(deed.search(clause) and thing.search(clause) for deed, thing in pairs)


def _rule(table: Mapping[str, Any]) -> Rule:
    requests, facts, unless = (_union(table.get(name, ())) for name in ("requests", "facts", "unless"))
    pairs, harms = (
        tuple((re.compile(each["deed"]), re.compile(each["thing"])) for each in table.get(name, ()))
        for name in ("pairs", "harms")
    )
    return Rule(requests, facts, unless, pairs, harms)


def _union(alternatives: Sequence[str]) -> Pattern | None:
    return re.compile("|".join(f"(?:{each})" for each in alternatives)) if alternatives else None
