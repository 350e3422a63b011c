"""What makes variants of one product differ: which fact leads, which group of facts comes first, how the text opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Fact, Plan
from storehand_plugins.description.written import Sentence

_FOLLOWING = ("There is also", "Also ", "Further", "Added to that", "同时", "此外", "还", "其他", "另", "补充")
_LAST = (FactKind.NOTE, FactKind.PHRASE)


def rotated(plan: Plan, number: int) -> Plan:
    """The same facts with another one of each kind in front; a model's slots stay in their places."""
    if not number:
        return plan
    groups: dict[tuple[FactKind, bool], list[Fact]] = {}
    for fact in plan.facts:
        groups.setdefault((fact.kind, fact.key_is_plural), []).append(fact)
    turns = {key: iter([*facts[number % len(facts) :], *facts[: number % len(facts)]]) for key, facts in groups.items()}
    return replace(plan, facts=tuple(next(turns[(fact.kind, fact.key_is_plural)]) for fact in plan.facts))


def turned(sentences: Sequence[Sentence], number: int) -> list[Sentence]:
    """Another group of facts first: sentences of one kind stay together, and what can't begin does not."""
    blocks: list[list[Sentence]] = []
    for sentence in (each for each in sentences if each.role == "facts"):
        if blocks and (sentence.text.startswith(_FOLLOWING) or _kinds(sentence) & _kinds(blocks[-1][-1])):
            blocks[-1].append(sentence)
        else:
            blocks.append([sentence])
    movable = [block for block in blocks if not _kinds(block[0]) & set(_LAST) and block[0].facts]
    fixed = [block for block in blocks if block not in movable]
    if len(movable) > 1:
        at = number % len(movable)
        movable = movable[at:] + movable[:at]
    openers = [each for each in sentences if each.role == "opener"]
    closers = [each for each in sentences if each.role == "closer"]
    return openers + [each for block in movable + fixed for each in block] + closers


def _kinds(sentence: Sentence) -> set[FactKind]:
    return {fact.kind for fact in sentence.facts}
