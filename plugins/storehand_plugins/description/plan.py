"""A plan: what a description has to say, and the slots that stand for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from storehand_plugins.description.kinds import (
    BRAND,
    KEY_MANY,
    KEY_ONE,
    KEYED,
    MANY,
    MAX_FACTS,
    MODEL_KINDS,
    NAME,
    ONE,
    TITLE,
    FactKind,
    Language,
    Tone,
    key_slot,
    value_slot,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute. `label` is its name in the input, `key` and `value` are the words a text says."""

    kind: FactKind
    value: str
    key: str = ""
    label: str = ""
    key_is_plural: bool = False

    @property
    def is_keyed(self) -> bool:
        return self.kind in KEYED


@dataclass(frozen=True, slots=True)
class Plan:
    """The facts of one product in the order in which a text says them."""

    language: Language
    tone: Tone
    group: str
    name: str
    brand: str = ""
    is_plural: bool = False
    facts: tuple[Fact, ...] = ()

    def head(self) -> Plan:
        """The part that one model text can hold."""
        return replace(self, facts=tuple(fact for fact in self.facts if fact.kind in MODEL_KINDS)[:MAX_FACTS])

    def rest(self) -> Plan:
        """What is beyond it."""
        taken = self.head().facts
        return replace(self, facts=self.facts[len(taken) :])

    def slots(self) -> dict[str, str]:
        """Every slot of this plan with the words that fill it."""
        filled = {NAME: self.name}
        if self.brand:
            filled[BRAND] = self.brand
        for number, fact in enumerate(self.facts, start=1):
            if fact.is_keyed:
                filled[key_slot(number)] = fact.key
            filled[value_slot(number)] = fact.value
        return filled

    def prompt(self) -> str:
        """The question in the starter model's closed vocabulary: no word of the product is in it."""
        parts = [f"<{self.language}><{self.tone}><g:{self.group}>", MANY if self.is_plural else ONE, NAME]
        if self.brand:
            parts.append(BRAND)
        for number, fact in enumerate(self.facts, start=1):
            parts.append(f"<{fact.kind}>")
            if fact.is_keyed:
                parts += [KEY_MANY if fact.key_is_plural else KEY_ONE, key_slot(number)]
            parts.append(value_slot(number))
        return "".join([*parts, TITLE])
