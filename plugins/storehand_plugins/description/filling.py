"""Puts the words of a plan into a text with slots, with the small changes grammar asks for around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storehand_plugins.checks import fold
from storehand_plugins.description.kinds import NAME, FactKind, value_slot
from storehand_plugins.description.plan import Plan

TITLE_MAX = 150
SLOT = re.compile(r"<(?:name|brand|[kv]\d+)>")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s)$")
_SUBJECT = re.compile(r"(?P<subject><k(?P<number>\d+)>|<name>(?: by <brand>)?) (?:is|are)\b")
_LOWERED = (FactKind.QUALITY, FactKind.MATERIAL, FactKind.COLOR, FactKind.PHRASE)


def fill_title(draft: str, plan: Plan) -> str:
    """At most 150 characters: a longer one falls back to the name, cut at a word."""
    title = fill(draft, plan, is_title=True)
    if len(title) > TITLE_MAX:
        title = plan.name
    if len(title) > TITLE_MAX:
        cut = title[: TITLE_MAX + 1].rfind(" ")
        title = title[: cut if cut > TITLE_MAX // 2 else TITLE_MAX].rstrip(" ,，、-")
    return title


def fill(draft: str, plan: Plan, *, is_title: bool = False) -> str:
    """The draft with every slot replaced; `plan` has the words of each."""
    draft = _agreeing(draft, plan)
    words = plan.slots()
    lowered = {} if is_title else _lowered(plan)
    text = ""
    end = 0
    for match in SLOT.finditer(draft):
        text += draft[end : match.start()]
        slot = match.group()
        value = lowered.get(slot, words[slot])
        if plan.language == "en" and not is_title:
            value = _fitted(value, slot, text)
        text += (" " if _runs_together(text[-1:], value[:1]) else "") + value
        end = match.end()
        if _runs_together(value[-1:], draft[end : end + 1]):
            text += " "
    return text + draft[end:]


def join(sentences: Sequence[str], plan: Plan) -> str:
    """Sentences as one paragraph."""
    return (" " if plan.language == "en" else "").join(sentences)


def _lowered(plan: Plan) -> dict[str, str]:
    """Values that are common words lose a table's capital inside a sentence: "made of Steel" is made of steel."""
    if plan.language != "en":
        return {}
    return {
        value_slot(number): fact.value[0].lower() + fact.value[1:]
        for number, fact in enumerate(plan.facts, start=1)
        if fact.kind in _LOWERED and fact.value[:1].isupper() and fact.value[1:].islower()
    }


def _agreeing(draft: str, plan: Plan) -> str:
    """With "is" and "are" as the words behind the slots want them; a small model mixes them up."""

    def verb(match: re.Match[str]) -> str:
        number = match["number"]
        is_many = plan.facts[int(number) - 1].key_is_plural if number else plan.is_plural
        return match["subject"] + (" are" if is_many else " is")

    return _SUBJECT.sub(verb, draft) if plan.language == "en" else draft


def _fitted(value: str, slot: str, before: str) -> str:
    if slot == NAME and value.lower().startswith("the ") and before.lower().endswith("the "):
        return value[4:]
    first = value.split(" ")[0]
    if _SENTENCE_START.search(before) and slot != NAME and first.islower() and first.isalpha():
        return value[0].upper() + value[1:]
    return value


def _runs_together(left: str, right: str) -> bool:
    before, after = fold(left).text[-1:], fold(right).text[:1]  # full-width digits run together too
    return bool(before and after) and before.isascii() and after.isascii() and before.isalnum() and after.isalnum()
