"""Bullets: one group of facts each, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from storehand_plugins.description.filling import lowered
from storehand_plugins.description.kinds import FactKind, Language
from storehand_plugins.description.plan import Fact
from storehand_plugins.description.written import Sentence

MIN_BULLETS, MAX_BULLETS = 3, 6
PER_LINE = 3
LINE_MAX = 255
"""Characters that marketplaces show of a bullet."""

_LOOKS = (FactKind.MATERIAL, FactKind.COLOR, FactKind.SIZE)
_NAMES = {
    "en": {FactKind.MATERIAL: "material", FactKind.COLOR: "colour", FactKind.SIZE: "size"},
    "zh": {FactKind.MATERIAL: "材质", FactKind.COLOR: "颜色", FactKind.SIZE: "尺寸"},
}


def lines(facts: Sequence[Fact], language: Language, *, at_most: int | None = None) -> list[Sentence]:
    """All facts, or as many as `at_most` lines hold. Few facts are spread, so that three of them make three lines."""
    groups = [group for group in _groups(facts) if group]
    while len(groups) < MIN_BULLETS and (longest := max(groups, key=len, default=[])) and len(longest) > 1:
        at = groups.index(longest)
        groups[at : at + 1] = [longest[: (len(longest) + 1) // 2], longest[(len(longest) + 1) // 2 :]]
    if at_most is not None and len(groups) > at_most:
        groups = _merged(groups, at_most)
    return [Sentence(_line(group, language), "facts", tuple(group)) for group in groups]


def line(fact: Fact, language: Language) -> Sentence:
    """One fact's line."""
    return Sentence(_line([fact], language), "facts", (fact,))


def _groups(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Things, properties, looks, figures, other attributes, what it is not, half sentences; three to a line."""
    kinds = (
        (FactKind.FEATURE,),
        (FactKind.QUALITY,),
        _LOOKS,
        (FactKind.AMOUNT,),
        (FactKind.WORD,),
        (FactKind.NOTE,),
        (FactKind.PHRASE,),
    )
    groups = []
    for each in kinds:
        mine = [fact for fact in facts if fact.kind in each]
        groups += _even(mine, 1 if FactKind.PHRASE in each else PER_LINE)
    return groups


def _even(facts: list[Fact], size: int) -> list[list[Fact]]:
    """Lines of at most so many facts; four make two and two."""
    count = -(-len(facts) // size)
    return [facts[len(facts) * at // count : len(facts) * (at + 1) // count] for at in range(count)]


def _merged(groups: list[list[Fact]], at_most: int) -> list[list[Fact]]:
    """Neighbours of one wording are joined while a line holds them; then the last lines are left out."""
    groups = [*groups]
    while len(groups) > at_most:
        pairs = [
            (len(left) + len(right), at)
            for at, (left, right) in enumerate(pairwise(groups))
            if left[0].is_keyed == right[0].is_keyed and len(_line([*left, *right], "en")) <= LINE_MAX
        ]
        if not pairs:
            return groups[:at_most]
        _, at = min(pairs)
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    return groups


def _line(facts: Sequence[Fact], language: Language) -> str:
    is_english = language == "en"
    names = _NAMES[language]
    parts: list[str] = []
    has_key = False
    for fact in facts:
        key = fact.key if fact.is_keyed else names.get(fact.kind, "")
        has_key = has_key or bool(key)
        value = lowered(fact) if is_english and (parts or key) else fact.value
        parts.append(f"{key}{': ' if is_english else '：'}{value}" if key else value)
    separator = ("; " if is_english else "；") if has_key else (", " if is_english else "、")
    text = separator.join(parts)
    first = text.split(" ")[0].rstrip(":,;")
    return text[0].upper() + text[1:] if is_english and first.islower() and first.isalpha() else text
