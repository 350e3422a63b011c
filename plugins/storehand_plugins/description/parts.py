"""The fields beside title and description: what a chat model wrote of them where it holds, else put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storehand.contracts.base import Check
from storehand_plugins.description.brief import Brief
from storehand_plugins.description.lines import MAX_BULLETS, MIN_BULLETS, lines
from storehand_plugins.description.plan import Fact
from storehand_plugins.description.rules import check
from storehand_plugins.description.short import BULLETS, LIMITS, alt_text, meta_description, seo_title
from storehand_plugins.description.written import Written

_MAKERS: dict[str, Callable[[Brief, Sequence[Fact]], str]] = {
    "seo_title": seo_title,
    "meta_description": meta_description,
    "alt_text": alt_text,
}


def parts(brief: Brief, written: Written, number: int) -> tuple[dict[str, str | tuple[str, ...]], list[Check]]:
    """The fields that were asked for, and what is to be said about them; variant `number` leads with other facts."""
    made: dict[str, str | tuple[str, ...]] = {}
    notes: list[Check] = []
    facts = brief.wanted_first(brief.plan.facts) if _asked(brief) else []
    if number and facts:
        at = number % len(facts)
        musts = [fact for fact in facts if brief.is_must(fact) or fact in brief.lead]
        rest = [fact for fact in facts if fact not in musts]
        facts = musts + rest[at:] + rest[:at]
    for field in _asked(brief):
        if field == BULLETS:
            made[field] = _bullets(brief, written, facts)
            if len(made[field]) < MIN_BULLETS:
                notes.append(check("bullets.few", field=BULLETS))
            continue
        text = written.parts[field][0] if field in written.parts else _MAKERS[field](brief, facts)
        made[field] = text
        if len(brief.plan.name) > LIMITS[brief.language][field]:
            notes.append(check("field.cut", field=field, span=(0, len(text)), text=text))
    if len(brief.plan.name) > LIMITS[brief.language]["title"]:
        notes.append(check("field.cut", field="title"))
    return made, notes


def _asked(brief: Brief) -> list[str]:
    return [field for field in brief.input.fields if field == BULLETS or field in _MAKERS]


def _bullets(brief: Brief, written: Written, facts: Sequence[Fact]) -> tuple[str, ...]:
    if written.parts.get(BULLETS):
        return written.parts[BULLETS][:MAX_BULLETS]
    return tuple(each.text for each in lines(facts, brief.language, at_most=MAX_BULLETS))
