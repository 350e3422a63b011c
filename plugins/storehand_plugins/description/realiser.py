"""The plain realiser: writes a plan as title and sentences with slots, every fact once, by grammar instead of model.

It is the last resort when a model's text fails its checks, says facts beyond a model's reach, and is the teacher of
the bundled starter model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from storehand_plugins.description import phrases_en, phrases_zh
from storehand_plugins.description.filling import SLOT
from storehand_plugins.description.kinds import BRAND, NAME, FactKind, key_slot, value_slot
from storehand_plugins.description.plan import Fact, Plan

FEATURES_PER_SENTENCE = 5
PAIRS_PER_SENTENCE = 4
CLAUSES_PER_SENTENCE = 3
TITLE_FACTS = 3

_PLAIN = (FactKind.FEATURE, FactKind.QUALITY, FactKind.MATERIAL, FactKind.COLOR)
_TRIES = 12
"""Draws for a wording without a forbidden word, before the bare facts stand alone."""

_EN_SINGULAR = {"be": "is", "Be": "Is", "it": "it", "It": "It", "s": "s", "es": "es"}
_EN_PLURAL = {"be": "are", "Be": "Are", "it": "they", "It": "They", "s": "", "es": ""}

Numbered = tuple[int, Fact]


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with slots still in it."""

    title: str
    sentences: tuple[str, ...]


class Realiser:
    """Writes one draft; the same seed gives the same wording. `avoid` tells which wordings must not be used."""

    def __init__(self, plan: Plan, seed: int, *, avoid: Callable[[str], bool] | None = None) -> None:
        self._plan = plan
        self._random = random.Random(seed)  # noqa: S311  # picks wordings, no secrets
        self._is_english = plan.language == "en"
        self._phrases: ModuleType = phrases_en if self._is_english else phrases_zh
        self._words = _EN_PLURAL if plan.is_plural else _EN_SINGULAR
        self._avoid = avoid

    def draft(self) -> Draft:
        """Title and all sentences."""
        sentences = [self.opener(), *self.facts(list(enumerate(self._plan.facts, start=1)))]
        wants_closer = self._random.random() < (0.15 if self._plan.tone == "minimal" else 0.7)
        if wants_closer or len(sentences) < 2:
            sentences.append(self.closer())
        return Draft(self.title(), tuple(sentence for sentence in sentences if sentence))

    def opener(self) -> str:
        """A sentence that names the product, and what it is for."""
        bare = f"{BRAND} {NAME}{self._stop}" if self._plan.brand else NAME + self._stop
        return self._kept(lambda: self._frame(self._phrases.OPENERS[self._plan.tone]), bare)

    def leading(self, facts: Sequence[Numbered]) -> str:
        """An opener that begins with these facts."""
        short = [self._short(number, fact) for number, fact in facts]
        told = _english_list(short) if self._is_english else "、".join(short)
        bare = f"{told}{': ' if self._is_english else '：'}{NAME}{self._stop}"
        return self._kept(lambda: self._frame(self._phrases.LEADS[self._plan.tone], list=told), bare)

    def closer(self) -> str:
        """A last sentence without a fact; none where its words may not be used."""
        return self._kept(lambda: self._frame(self._phrases.CLOSERS[self._plan.tone]), "")

    def title(self) -> str:
        """The name, sometimes the brand, and up to three facts that need no key."""
        return self._kept(self._title, NAME)

    def _title(self) -> str:
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
        features = _of(facts, FactKind.FEATURE)
        frames = self._phrases.FEATURES[self._plan.tone]
        for chunk in _chunks(features, FEATURES_PER_SENTENCE):
            sentences.append(self._list(frames, chunk))
            frames = self._phrases.MORE_FEATURES
        qualities = _of(facts, FactKind.QUALITY)
        sentences += [self._list(self._phrases.QUALITIES, chunk) for chunk in _chunks(qualities, FEATURES_PER_SENTENCE)]
        single = {
            FactKind.MATERIAL: self._phrases.MATERIALS,
            FactKind.COLOR: self._phrases.COLORS,
            FactKind.SIZE: self._phrases.SIZES,
        }
        for number, fact in facts:
            if fact.kind in single:
                sentences.append(self._single(single[fact.kind], number, fact))
        sentences += self._keyed(_of(facts, FactKind.AMOUNT, FactKind.WORD))
        for chunk in _chunks(_of(facts, FactKind.NOTE), PAIRS_PER_SENTENCE):
            sentences.append(self._noted(chunk))
        phrases = _of(facts, FactKind.PHRASE)
        return sentences + [self._single(self._phrases.PHRASES, number, fact) for number, fact in phrases]

    def _single(self, frames: Sequence[str], number: int, fact: Fact) -> str:
        return self._kept(lambda: self._frame(frames, value=value_slot(number)), self._bare([(number, fact)]))

    def _noted(self, facts: Sequence[Numbered]) -> str:
        pairs = self._pairs(facts, has_colon=True)
        return self._kept(lambda: self._frame(self._phrases.NOTES, pairs=pairs), self._bare(facts))

    def _keyed(self, facts: Sequence[Numbered]) -> list[str]:
        tells = self._random.random() < (0.0 if self._plan.tone == "minimal" else 0.6)
        size, write = (CLAUSES_PER_SENTENCE, self._told) if tells else (PAIRS_PER_SENTENCE, self._listed)
        return [self._kept(partial(write, chunk), self._bare(chunk)) for chunk in _chunks(facts, size)]

    def _listed(self, facts: Sequence[Numbered]) -> str:
        frame: str = self._random.choice(self._phrases.LISTED)
        return frame.format(pairs=self._pairs(facts, has_colon=frame.startswith("{pairs}")))

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
        return self._kept(
            lambda: self._frame(frames, list=self._joined([value_slot(number) for number, _ in facts])),
            self._bare(facts),
        )

    def _bare(self, facts: Sequence[Numbered]) -> str:
        """The facts alone, for when every wording has a forbidden word."""
        return self._joined_by_comma([self._short(number, fact) for number, fact in facts]) + self._stop

    def _short(self, number: int, fact: Fact) -> str:
        """A fact in a few words: "capacity of 1.7 L", "容量1.5升"."""
        if not fact.is_keyed:
            return value_slot(number)
        if not self._is_english:
            return key_slot(number) + value_slot(number)
        between = " of " if fact.kind is FactKind.AMOUNT and not fact.key_is_plural else ": "
        return key_slot(number) + between + value_slot(number)

    def _kept(self, write: Callable[[], str], bare: str) -> str:
        """What `write` says, drawn again while it has a word to avoid."""
        text = write()
        if self._avoid is None:
            return text
        for _ in range(_TRIES):
            if not self._avoid(SLOT.sub(" ", text)):
                return text
            text = write()
        return bare

    @property
    def _stop(self) -> str:
        return "." if self._is_english else "。"

    def _joined_by_comma(self, slots: Sequence[str]) -> str:
        return (", " if self._is_english else "，").join(slots)

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


def _of(facts: Sequence[Numbered], *kinds: FactKind) -> list[Numbered]:
    return [each for each in facts if each[1].kind in kinds]


def _chunks(facts: Sequence[Numbered], size: int) -> list[Sequence[Numbered]]:
    return [facts[start : start + size] for start in range(0, len(facts), size)]


def _english_list(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
