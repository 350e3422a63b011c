"""Fits a text to a shopper who consented: which of the product's own facts meet a stated taste or a recent item.

Only the order of facts changes. Nothing is said about the person, no fact is added, and no preference that tells who
somebody is (sex, age, faith, health, origin) is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from storehand.contracts.user import User
from storehand_plugins.checks import fold
from storehand_plugins.description.audience import AUDIENCE
from storehand_plugins.description.kinds import FactKind
from storehand_plugins.description.plan import Fact
from storehand_plugins.description.synonyms import COMMON, PROTECTED, SYNONYMS

LEAD_FACTS = 3
"""More in one opening sentence would be a list."""

_LATIN = re.compile(r"[a-z]+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Fitted:
    """`lead` stands first; `used` names the preferences and recent items that put it there; `refused` tell who
    somebody is."""

    lead: tuple[Fact, ...] = ()
    used: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def fitted(user: User | None, facts: Iterable[Fact]) -> Fitted:
    """Preferences first, in their order, then recent items; each names its first fact that is still free."""
    if user is None or not user.consent:
        return Fitted()
    open_facts = [fact for fact in facts if fact.kind is not FactKind.NOTE and fact.label != AUDIENCE]
    refused = tuple(each for each in user.preferences if is_protected(each))
    wishes = [(each, True) for each in user.preferences if each not in refused]
    wishes += [(each.name, False) for each in user.recent_items if not is_protected(each.name)]
    lead: list[Fact] = []
    used: list[str] = []
    for wish, is_preference in wishes:
        found = [fact for fact in open_facts if _meets(wish, fact, is_preference=is_preference)]
        free = [fact for fact in found if fact not in lead]
        if free and len(lead) < LEAD_FACTS:
            lead.append(free[0])
        if (free and free[0] in lead) or (found and not free):
            used.append(wish)
    return Fitted(tuple(lead), tuple(dict.fromkeys(used)), refused)


def is_protected(text: str) -> bool:
    """Whether it tells who somebody is rather than what they like."""
    folded = fold(text).text
    return PROTECTED.search(folded) is not None


def _meets(wish: str, fact: Fact, *, is_preference: bool) -> bool:
    words = f"{fact.key} {fact.value}"
    wanted = _terms(wish)
    if is_preference:
        wanted |= _synonyms(wish)
    return bool(wanted & (_terms(words) | _synonyms(words)))


def _synonyms(text: str) -> set[str]:
    """Groups of words with one meaning that the text names."""
    folded = fold(text).text
    return {f"#{number}" for number, group in enumerate(SYNONYMS) if group.search(folded)}


def _terms(text: str) -> set[str]:
    """English words without their plural s, and Chinese pairs of characters; common ones tell nothing."""
    folded = fold(text).text
    words = {_singular(word) for word in _LATIN.findall(folded) if len(word) > 2}
    pairs = {run[at : at + 2] for run in _HAN.findall(folded) for at in range(len(run) - 1)}
    return (words | pairs) - COMMON


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
