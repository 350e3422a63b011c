"""The plain realiser: writes a plan as title and sentences with slots, every fact once, by grammar instead of model.

It is the last resort when a model's text fails its checks, says facts beyond a model's reach, and is the teacher of
the bundled starter model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from storehand_plugins.description import phrases_en, phrases_zh
from storehand_plugins.description.kinds import NAME, FactKind, key_slot, value_slot
from storehand_plugins.description.plan import Fact, Plan

FEATURES_PER_SENTENCE = 5
PAIRS_PER_SENTENCE = 4
CLAUSES_PER_SENTENCE = 3
TITLE_FACTS = 3

_PLAIN = (FactKind.FEATURE, FactKind.QUALITY, FactKind.MATERIAL, FactKind.COLOR)
_EN_SINGULAR = {"be": "is", "Be": "Is", "it": "it", "It": "It", "s": "s", "es": "es"}
_EN_PLURAL = {"be": "are", "Be": "Are", "it": "they", "It": "They", "s": "", "es": ""}

Numbered = tuple[int, Fact]


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with slots still in it."""

    title: str
    sentences: tuple[str, ...]


class Realiser:
    """Writes one draft; the same seed gives the same wording."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._plan = plan
        self._random = random.Random(seed)  # noqa: S311  # picks wordings, no secrets
        self._is_english = plan.language == "en"
        self._phrases: ModuleType = phrases_en if self._is_english else phrases_zh
        self._words = _EN_PLURAL if plan.is_plural else _EN_SINGULAR

    def draft(self) -> Draft:
        """Title and all sentences."""
        opener = self._frame(self._phrases.OPENERS[self._plan.tone])
        sentences = [opener, *self.facts(list(enumerate(self._plan.facts, start=1)))]
        wants_closer = self._random.random() < (0.15 if self._plan.tone == "minimal" else 0.7)
        if wants_closer or len(sentences) < 2:
            sentences.append(self._frame(self._phrases.CLOSERS[self._plan.tone]))
        return Draft(self.title(), tuple(sentences))

    def title(self) -> str:
        """The name, sometimes the brand, and up to three facts that need no key."""
        phrases = self._phrases
        brand: str = self._random.choice(phrases.BRAND_TITLES) if self._plan.brand else ""
        named = [(number, fact) for number, fact in enumerate(self._plan.facts, start=1) if fact.kind in _PLAIN]
        told = named[: self._random.randint(1, TITLE_FACTS)]
        if not told:
            return brand + NAME
        are_things = all(fact.kind is FactKind.FEATURE for _, fact in told)
        frames = phrases.TITLES + (phrases.THING_TITLES if are_things else ())
        slots = [value_slot(number) for number, _ in told]
        text: str = self._random.choice(frames).format(
            list=self._joined(slots), bars=(" | " if self._is_english else "｜").join(slots), spaces=" ".join(slots)
        )
        return brand + text

    def facts(self, facts: Sequence[Numbered]) -> list[str]:
        """Sentences that say these numbered facts, in their order."""
        sentences: list[str] = []
        features = [each for each in facts if each[1].kind is FactKind.FEATURE]
        frames = self._phrases.FEATURES[self._plan.tone]
        for chunk in _chunks(features, FEATURES_PER_SENTENCE):
            sentences.append(self._list(frames, chunk))
            frames = self._phrases.MORE_FEATURES
        qualities = [each for each in facts if each[1].kind is FactKind.QUALITY]
        sentences += [self._list(self._phrases.QUALITIES, chunk) for chunk in _chunks(qualities, FEATURES_PER_SENTENCE)]
        single = {
            FactKind.MATERIAL: self._phrases.MATERIALS,
            FactKind.COLOR: self._phrases.COLORS,
            FactKind.SIZE: self._phrases.SIZES,
        }
        for number, fact in facts:
            if fact.kind in single:
                sentences.append(self._frame(single[fact.kind], value=value_slot(number)))
        sentences += self._keyed([each for each in facts if each[1].kind in (FactKind.AMOUNT, FactKind.WORD)])
        for chunk in _chunks([each for each in facts if each[1].kind is FactKind.NOTE], PAIRS_PER_SENTENCE):
            sentences.append(self._frame(self._phrases.NOTES, pairs=self._pairs(chunk, has_colon=True)))
        phrases = [each for each in facts if each[1].kind is FactKind.PHRASE]
        return sentences + [self._frame(self._phrases.PHRASES, value=value_slot(number)) for number, _ in phrases]

    def _keyed(self, facts: Sequence[Numbered]) -> list[str]:
        tells = self._random.random() < (0.0 if self._plan.tone == "minimal" else 0.6)
        if tells:
            return [self._told(chunk) for chunk in _chunks(facts, CLAUSES_PER_SENTENCE)]
        sentences = []
        for chunk in _chunks(facts, PAIRS_PER_SENTENCE):
            frame = self._random.choice(self._phrases.LISTED)
            has_colon = frame.startswith("{pairs}")
            sentences.append(frame.format(pairs=self._pairs(chunk, has_colon=has_colon)))
        return sentences

    def _told(self, facts: Sequence[Numbered]) -> str:
        clauses = []
        for number, fact in facts:
            frames = self._phrases.AMOUNT_CLAUSES if fact.kind is FactKind.AMOUNT else self._phrases.CLAUSES
            clauses.append(
                self._random.choice(frames).format(
                    key=key_slot(number), value=value_slot(number), kbe="are" if fact.key_is_plural else "is"
                )
            )
        if not self._is_english:
            return "，".join(clauses) + "。"
        text = _english_list(clauses)
        return text[0].upper() + text[1:] + "."

    def _pairs(self, facts: Sequence[Numbered], *, has_colon: bool) -> str:
        if self._is_english:
            between, separator = (": " if has_colon else " "), "; "
        else:
            between, separator = ("：" if has_colon else ""), ("；" if has_colon else "，")
        return separator.join(f"{key_slot(number)}{between}{value_slot(number)}" for number, _ in facts)

    def _list(self, frames: Sequence[str], facts: Sequence[Numbered]) -> str:
        return self._frame(frames, list=self._joined([value_slot(number) for number, _ in facts]))

    def _joined(self, slots: Sequence[str]) -> str:
        if self._is_english:
            return _english_list(slots)
        if len(slots) > 1 and self._random.random() < 0.5:
            return "、".join(slots[:-1]) + "和" + slots[-1]
        return "、".join(slots)

    def _frame(self, frames: Sequence[str], **values: str) -> str:
        brand = (" by <brand>" if self._is_english else "<brand>") if self._plan.brand else ""
        scene = self._random.choice(self._phrases.SCENES[self._plan.group])
        text: str = self._random.choice(frames).format(by=brand, scene=scene, **self._words, **values)
        return text


def _chunks(facts: Sequence[Numbered], size: int) -> list[Sequence[Numbered]]:
    return [facts[start : start + size] for start in range(0, len(facts), size)]


def _english_list(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
