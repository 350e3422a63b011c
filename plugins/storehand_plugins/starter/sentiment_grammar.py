"""Writes labelled shop reviews in Chinese and English from our own phrases, endlessly and by a seed.

A review is a row of clauses. Each says something good, something bad or nothing; the label is what they come to.
After a "but" the second half decides.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
"""Label ids of the starter classifier."""

Language = Literal["zh", "en"]
_PRODUCTS = {
    "zh": [
        "手机",
        "电脑",
        "书",
        "衣服",
        "鞋子",
        "杯子",
        "锅",
        "耳机",
        "酒店",
        "店",
        "外卖",
        "洗发水",
        "热水器",
        "牛奶",
        "水果",
        "平板",
        "玩具",
        "包",
        "椅子",
        "键盘",
    ],
    "en": [
        "phone",
        "laptop",
        "book",
        "dress",
        "chair",
        "blender",
        "headset",
        "movie",
        "restaurant",
        "hotel",
        "lamp",
        "camera",
        "bag",
        "toy",
        "watch",
        "pan",
    ],
}
_NUMBERS = {
    "zh": ["两", "三", "四", "五", "六", "七", "八", "十", "2", "3", "4", "5", "6", "10", "20", "半"],
    "en": ["two", "three", "four", "five", "2", "3", "4", "5", "6", "10"],
}
_SHARES: dict[Language, tuple[float, float, float]] = {"zh": (0.41, 0.19, 0.4), "en": (0.36, 0.18, 0.46)}
"""Of the labels. People praise in more different words than they blame: in English, unknown words lean to praise."""

_NOT_NEGATED = ("不", "没", "有", "无", "真", "极")
_RARE_CHARS = [bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
COMMON_HAN = [char for char in _RARE_CHARS if char]
"""The 3,755 everyday characters (GB 2312, level 1)."""


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    names: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    plain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The word lists of one language; see the heads of the TOML files."""

    language: Language
    topics: tuple[Topic, ...]
    words: dict[str, tuple[str, ...]]

    def all_text(self) -> list[str]:
        """Every phrase once, for the vocabulary."""
        rows = [row for words in self.words.values() for row in words]
        for topic in self.topics:
            rows += [*topic.names, *topic.good, *topic.bad, *topic.plus, *topic.minus, *topic.plain]
        return rows


@cache
def phrases(language: Language) -> Phrases:
    data = tomllib.loads(Path(__file__).with_name(f"phrases_{language}.toml").read_text(encoding="utf-8"))

    def items(text: str) -> tuple[str, ...]:
        parts = text.split() if language == "zh" else [" ".join(part.split()) for part in text.split("|")]
        return tuple(part for part in parts if part)

    topics = tuple(
        Topic(row["name"], **{key: items(row[key]) for key in ("names", "good", "bad", "plus", "minus", "plain")})
        for row in data.pop("topic")
    )
    return Phrases(language, topics, {key: items(text) for key, text in data.items()})


class ReviewGrammar:
    """Reviews of one language. The same seed writes the same reviews."""

    def __init__(self, language: Language, rng: random.Random) -> None:
        self._phrases = phrases(language)
        self._rng = rng
        self._is_zh = language == "zh"
        self._gap = "" if self._is_zh else " "

    def example(self) -> tuple[str, int]:
        """A review, or a single clause, with its label."""
        label = self._rng.choices((NEGATIVE, NEUTRAL, POSITIVE), _SHARES[self._phrases.language])[0]
        parts = self._clauses(label, self._topics())
        return self._spoil(self._fill(self._join(parts, label))), label

    def _topics(self) -> list[Topic]:
        """Products are talked about with what belongs to every order (delivery, packaging, service, price, quality)."""
        common, special = self._phrases.topics[:5], self._phrases.topics[5:]
        chosen = [self._rng.choice(special)]
        chosen += self._rng.sample(common, self._rng.randint(0, 3))
        return chosen

    def _clauses(self, label: int, topics: Sequence[Topic]) -> list[str]:
        count = 1 if self._chance(0.25) else min(16, 1 + int(self._rng.expovariate(0.37)))
        if label == NEUTRAL:
            return self._undecided(count, topics)
        own, other = (self._good, self._bad) if label == POSITIVE else (self._bad, self._good)
        if count == 1:
            return [own(self._rng.choice(topics))]
        parts = [self._plain(self._rng.choice(topics)) for _ in range(int(count * self._rng.uniform(0, 0.6)))]
        parts += [own(self._rng.choice(topics)) for _ in range(max(1, count - len(parts)))]
        self._rng.shuffle(parts)
        if self._chance(0.3):
            parts.insert(0, self._pick("openers"))
        if self._chance(0.3):
            parts.insert(self._rng.randint(0, len(parts)), self._contrast(other, own, topics))
        elif count > 4 and self._chance(0.3):
            parts.insert(self._rng.randint(0, len(parts)), other(self._rng.choice(topics)))
        if self._chance(0.35):
            parts.append(self._pick("praise" if label == POSITIVE else "blame"))
        return parts

    def _undecided(self, count: int, topics: Sequence[Topic]) -> list[str]:
        kind = self._rng.random()
        if kind < 0.35:
            parts = [self._plain(self._rng.choice(topics)) for _ in range(count)]
        elif kind < 0.7:
            parts = [self._plain(self._rng.choice(topics)) for _ in range(count - 1)] + [self._pick("shrug")]
        else:
            pairs = max(1, count // 2)
            parts = [self._good(self._rng.choice(topics)) for _ in range(pairs)]
            parts += [self._bad(self._rng.choice(topics)) for _ in range(pairs)]
            if self._chance(0.4):
                parts.append(self._pick("shrug"))
        self._rng.shuffle(parts)
        return parts

    def _contrast(self, first: Callable[[Topic], str], second: Callable[[Topic], str], topics: Sequence[Topic]) -> str:
        """ "Although A, but B" says B."""
        opening = self._pick("thoughs") + self._gap if self._chance(0.5) else ""
        comma = self._rng.choice(["，", ",", "", " "]) if self._is_zh else self._rng.choice([", ", " ", ". "])
        turn = self._pick("buts") if self._is_zh or not opening else ""
        halves = first(self._rng.choice(topics)), second(self._rng.choice(topics))
        return f"{opening}{halves[0]}{comma}{turn}{self._gap if turn else ''}{halves[1]}"

    def _good(self, topic: Topic) -> str:
        if self._chance(0.08):
            return self._pick("praise_leads") + self._gap + self._good(topic)
        kind = self._rng.random()
        if kind < 0.3:
            return self._rng.choice(topic.plus)
        if kind < 0.62:
            words = self._phrases.words["virtues"] if self._chance(0.3) else topic.good
            return self._graded(self._rng.choice(topic.names), "degrees", self._rng.choice(words))
        if kind < 0.74:
            words = self._phrases.words["faults"] if self._chance(0.2) else topic.bad
            return self._negated(self._rng.choice(topic.names), self._rng.choice(words)) or self._pick("praise")
        if kind < 0.79:
            return self._pick("people") + self._gap + self._pick("likes")
        return self._pick("praise")

    def _bad(self, topic: Topic) -> str:
        if self._chance(0.12):
            return self._pick("blame_leads") + self._gap + self._bad(topic)
        kind = self._rng.random()
        if kind < 0.38:
            return self._rng.choice(topic.minus)
        if kind < 0.55:
            degrees = "mild_degrees" if self._chance(0.2) else "degrees"
            words = self._phrases.words["faults"] if self._chance(0.35) else topic.bad
            return self._graded(self._rng.choice(topic.names), degrees, self._rng.choice(words))
        if kind < 0.75:
            words = self._phrases.words["virtues"] if self._chance(0.3) else topic.good
            return self._negated(self._rng.choice(topic.names), self._rng.choice(words)) or self._pick("blame")
        if kind < 0.79:
            return self._pick("people") + self._gap + self._pick("dislikes")
        return self._pick("blame")

    def _plain(self, topic: Topic) -> str:
        kind = self._rng.random()
        if kind < 0.3:
            return self._rng.choice(topic.plain)
        if kind < 0.4:
            return self._rng.choice(topic.names)
        if kind < 0.55 and self._is_zh:  # unknown words must not look like an opinion
            return "".join(self._rng.choices(COMMON_HAN, k=self._rng.randint(2, 9)))
        return self._pick("openers" if kind < 0.65 else "fillers")

    def _graded(self, name: str, degrees: str, adjective: str) -> str:
        degree = self._pick(degrees)
        if not self._is_zh:
            verb = self._rng.choice(["is", "was", "is", "was", "looks", "seems", "feels"])
            if self._chance(0.2):
                noun = name.removeprefix("the ")
                return f"{degree} {adjective} {noun}"
            return " ".join(word for word in (name, verb, degree if self._chance(0.6) else "", adjective) if word)
        if self._chance(0.12):
            return f"{degree}{adjective}的{name}"
        tail = self._pick("tails") if self._chance(0.1) else ""
        name = name if self._chance(0.85) else ""
        stress = self._rng.choice(["", "", "", "也", "都", "还", "真的"]) + (degree if self._chance(0.75) else "")
        return f"{name}{stress}{adjective}{tail}"

    def _negated(self, name: str, adjective: str) -> str:
        """The plain "not" comes most often, as it does with people."""
        if self._is_zh:
            if adjective.startswith(_NOT_NEGATED):
                return ""
            negation = "不" if self._chance(0.4) else self._pick("negations")
            return f"{name if self._chance(0.8) else ''}{negation}{adjective}"
        verb = self._rng.choice(["is", "was"])
        if self._chance(0.25):
            return f"{name} {verb}n't {adjective}"
        negation = "not" if self._chance(0.5) else self._pick("negations")
        at_all = " at all" if self._chance(0.2) else ""
        return f"{f'{name} {verb} ' if self._chance(0.7) else ''}{negation} {adjective}{at_all}"

    def _join(self, parts: Sequence[str], label: int) -> str:
        marks = self._marks()
        pieces: list[str] = []
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            mark = "" if last and self._chance(0.5) else self._rng.choice(marks)
            link = self._pick("ands") + self._gap if index and self._chance(0.06) else ""
            pieces.append(f"{link}{part}{mark}")
        if self._chance(0.07):
            emoji = self._pick(("emoji_minus", "emoji_plain", "emoji_plus")[label])
            pieces.insert(self._rng.choice([0, len(pieces)]), emoji * self._rng.randint(1, 3))
        return "".join(pieces).strip()

    def _marks(self) -> Sequence[str]:
        """One reviewer keeps to one manner of punctuation."""
        if self._is_zh:
            manners = ["，，，。", "，，。！", "，", " ", ",,,.", "！", "。", "～，", ";", "…，", ""]
            manner = self._rng.choices(manners, (8, 6, 3, 2, 2, 1, 2, 1, 1, 1, 0.5))[0]
            return [mark * (3 if mark in "！～" and self._chance(0.3) else 1) for mark in manner] or [""]
        return self._rng.choices(
            [[". ", ". ", ", "], [". "], [", "], ["! ", ". "], ["!!! "], ["... "], [" "], [" and "]],
            (8, 4, 3, 2, 1, 1, 1, 1),
        )[0]

    def _fill(self, text: str) -> str:
        language = self._phrases.language
        while "{n}" in text:
            text = text.replace("{n}", self._rng.choice(_NUMBERS[language]), 1)
        return text.replace("{p}", self._rng.choice(_PRODUCTS[language]))

    def _spoil(self, text: str) -> str:
        """People mistype: now and then a character is lost, doubled or swapped with its neighbour."""
        if len(text) < 8 or not self._chance(0.12):
            return text
        at = self._rng.randrange(len(text) - 1)
        kind = self._rng.randrange(3)
        middle = ("", text[at] * 2, text[at + 1] + text[at])[kind]
        return text[:at] + middle + text[at + (2 if kind == 2 else 1) :]

    def _pick(self, key: str) -> str:
        return self._rng.choice(self._phrases.words[key])

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability
