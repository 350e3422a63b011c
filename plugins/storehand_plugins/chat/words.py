"""Words of a question or an article as weighted tokens: stems, pairs of Chinese characters, and shop concepts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from storehand_plugins.chat.hanzi import simplified
from storehand_plugins.checks import fold

Bag = Mapping[str, float]
"""Token to weight."""

CONCEPT = "@"
"""Marks tokens that stand for a concept of `concepts.toml`, in any language."""

_WEAK, _HINT = 0.35, 0.5
_COVERED = 0.25
"""Weight of a word whose concept is counted too: it still prefers the article that uses the same word."""

_PAIR = 0.8
_SINGLE = 0.5
_LONGEST = 5
_MIN_SPELT = 5

_TOKEN = re.compile(r"[a-z0-9]+(?:[.'-][a-z0-9]+)*|[\u3400-\u9fff]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_STOP_ZH = re.compile(
    r"请问一下|请问|你好|您好|在吗|亲亲|亲|麻烦|帮我|帮忙|一下|我想问|想问|我想|想要|我要|咨询|问下|了解|可不可以|能不能|可以|能否|是否"
    r"|是不是|有没有|会不会|要不要|怎么样|怎么办|怎么弄|怎么|怎样|如何|为什么|为啥|什么|哪些|哪个|这个|那个|这款|这边|你们|我们|咱们|他们|你|您|我|的"
    r"|了|吗|呢|吧|啊|呀|哦|嘛|么|是|在|和|与|或|就|都|也|还|要|想|能|会|有|把|被|给|让|对|从|到|请|谢谢|一个|一件|这|那|它|请教|知道|告诉|支持|提供|需要|办"
)
_IRREGULAR = {
    "sent": "send", "paid": "pay", "bought": "buy", "forgot": "forget", "forgotten": "forget", "lost": "lost",
    "took": "take", "taken": "take", "broke": "broken", "came": "come", "gone": "go", "went": "go",
    "is": "is", "this": "this", "gave": "give", "given": "give", "kept": "keep", "sold": "sell", "left": "left",
}  # fmt: skip
_CONTRACTED = re.compile(r"n['’]t\b")


@dataclass(frozen=True, slots=True)
class Concepts:
    """Phrase to concept: English by stems, Chinese by characters."""

    english: dict[tuple[str, ...], str]
    chinese: dict[str, str]
    weak: frozenset[str]
    stop: frozenset[str]
    hints: frozenset[object]
    near: Mapping[str, str]
    """Misspelt by one letter left out -> the word."""


@cache
def concepts() -> Concepts:
    file = tomllib.loads((resources.files("storehand_plugins.chat") / "concepts.toml").read_text(encoding="utf-8"))
    table = file["concept"]
    english: dict[tuple[str, ...], str] = {}
    chinese: dict[str, str] = {}
    hints: set[object] = set()
    for name, each in table.items():
        for phrase in each["en"]:
            english.setdefault(tuple(stem(word) for word in re.split(r"[ -]", phrase)), name)
        for phrase in (*each["zh"], *each.get("hints_zh", ())):
            chinese.setdefault(phrase, name)
        for word in each.get("hints_en", ()):
            english.setdefault((stem(word),), name)
        hints.update(each.get("hints_zh", ()), ((stem(word),) for word in each.get("hints_en", ())))
    weak = frozenset(name for name, each in table.items() if each.get("weak"))
    stop = frozenset(file["stop_en"].split())
    return Concepts(
        english, chinese, weak, stop, frozenset(hints), _slips(word for phrase in english for word in phrase)
    )


def _slips(words: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in sorted({word for word in words if len(word) >= _MIN_SPELT}):
        for slip in (word, *_without_one(word)):
            found.setdefault(slip, word)
    return found


def _without_one(word: str) -> Iterator[str]:
    return (word[:at] + word[at + 1 :] for at in range(1, len(word)))  # first letters are seldom wrong


def spelt(word: str, table: Concepts) -> str:
    """The shop's word that an unknown one is one slip away from (a letter too few, too many, wrong or swapped)."""
    if len(word) < _MIN_SPELT or any(char.isdigit() for char in word):
        return word
    if word in table.near:
        return table.near[word]
    for slip in _without_one(word):
        meant = table.near.get(slip)
        if meant is not None and (len(meant) != len(word) or len(word) > _MIN_SPELT or sorted(meant) == sorted(word)):
            return meant
    return word


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Light: plural, -ing, -ed, final e and y go; the two sides of a comparison go through the same mill."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.isascii() or any(char.isdigit() for char in word):
        return word
    word = word.removesuffix("'s")
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and re.search("[aeiouy]", base):
            word = base
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def is_han(text: str) -> bool:
    return _HAN.search(text) is not None


@lru_cache(maxsize=8192)
def bag(text: str) -> Bag:
    """Token to weight."""
    weights: dict[str, float] = {}
    for token, weight in _tokens(text):
        weights[token] = weights.get(token, 0.0) + weight
    return weights


def merged(*bags: Bag) -> dict[str, float]:
    """The greater weight of each token."""
    weights: dict[str, float] = {}
    for each in bags:
        for token, weight in each.items():
            weights[token] = max(weights.get(token, 0.0), weight)
    return weights


def content(text: str) -> frozenset[str]:
    """The tokens that carry meaning, without their weights."""
    return frozenset(token for token, weight in bag(text).items() if weight >= _WEAK)


def _tokens(text: str) -> Iterator[tuple[str, float]]:
    folded = _CONTRACTED.sub(" not", simplified(fold(text).text))
    latin: list[str] = []
    for piece in _TOKEN.findall(folded):
        if is_han(piece):
            yield from _english(latin)
            latin = []
            yield from _chinese(piece)
        else:
            latin.extend(re.split(r"[-]", piece))
    yield from _english(latin)


def _english(words: list[str]) -> Iterator[tuple[str, float]]:
    table = concepts()
    stems = [stem(word) if word in table.stop else spelt(stem(word), table) for word in words]
    at = 0
    while at < len(stems):
        for length in range(min(_LONGEST, len(stems) - at), 0, -1):
            name = table.english.get(tuple(stems[at : at + length]))
            if name is None:
                continue
            said = tuple(stems[at : at + length])
            yield CONCEPT + name, _HINT if said in table.hints else _WEAK if name in table.weak else 1.0
            for word, stemmed in zip(words[at : at + length], stems[at : at + length], strict=True):
                if word not in table.stop:
                    yield stemmed, _COVERED
            at += length
            break
        else:
            if words[at] not in table.stop and (len(words[at]) > 1 or words[at].isdigit()):
                yield stems[at], 1.0
            at += 1


def _chinese(run: str) -> Iterator[tuple[str, float]]:
    table = concepts()
    at, rest = 0, ""
    while at < len(run):
        for length in range(min(7, len(run) - at), 0, -1):
            name = table.chinese.get(run[at : at + length])
            if name is None:
                continue
            yield from _pairs(rest, 1.0)
            rest = ""
            said = run[at : at + length]
            yield CONCEPT + name, _HINT if said in table.hints else _WEAK if name in table.weak else 1.0
            yield from _pairs(run[at : at + length], _COVERED)
            at += length
            break
        else:
            rest += run[at]
            at += 1
    yield from _pairs(rest, 1.0)


def _pairs(run: str, weight: float) -> Iterator[tuple[str, float]]:
    for part in _STOP_ZH.split(run):
        if len(part) == 1:
            yield part, weight * _SINGLE
        for at in range(len(part) - 1):
            yield part[at : at + 2], weight * _PAIR
