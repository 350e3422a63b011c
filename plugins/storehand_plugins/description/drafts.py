"""What the starter model wrote, read and checked while its slots still stand for the facts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from storehand_plugins.checks import split_sentences
from storehand_plugins.description.filling import SLOT
from storehand_plugins.description.kinds import BODY, BRAND, NAME, FactKind, key_slot, value_slot
from storehand_plugins.description.occasions import at_home, tells_one
from storehand_plugins.description.plan import Plan
from storehand_plugins.description.realiser import Draft

MAX_SENTENCES = 16
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_FACT = re.compile(r"<[kv]\d+>")
_STUTTER = re.compile(r"([^\W\d_])\1\1|\ufffd")
_ENDS = (".", "!", "?", "。", "！", "？")


@dataclass(frozen=True, slots=True)
class Reading:
    """A model's draft, the numbers of facts it left out, and what else is wrong with it.

    `is_shorter`: a sentence without a fact, which no phrase knows, was taken out.
    """

    draft: Draft
    missing: tuple[int, ...]
    faults: tuple[str, ...]
    is_shorter: bool = False

    @property
    def is_sound(self) -> bool:
        return not self.faults and not self.missing and not self.is_shorter

    @property
    def is_mendable(self) -> bool:
        """Only facts are missing: sentences for them can be added."""
        return not self.faults


def read(text: str, plan: Plan) -> Reading:
    """Title and sentences of a model's answer. Every slot must stand exactly once in the body, a key right before its
    value, name and brand in the first sentence, and no digit and no letter of the other language anywhere."""
    title, _, body = (part.strip() for part in text.partition(BODY))
    spans = split_sentences(body)
    sentences = tuple(body[start:end] for start, end in spans)
    missing, faults = _body(body, sentences, plan)
    title = _without_size(title, plan)
    kept = _at_home(sentences, plan)
    if not kept or NAME not in _opening(kept):
        return Reading(
            Draft(title, sentences), tuple(missing), (*_title(title, plan), *faults, "it opens like no text")
        )
    draft = Draft(title, kept)
    return Reading(draft, tuple(missing), tuple(_title(title, plan) + faults), is_shorter=len(kept) < len(sentences))


def _at_home(sentences: tuple[str, ...], plan: Plan) -> tuple[str, ...]:
    """The sentences with occasions of this product's kind, without those that no phrase knows; two may open a text."""
    first = next((number for number, each in enumerate(sentences) if _FACT.search(each)), len(sentences))
    count = min(first, 2)
    together = at_home(sentences[:count], plan) if count == 2 else None
    kept = [*together] if together else []
    for each in sentences[count if together else 0 :]:
        kept += [each] if _FACT.search(each) else at_home((each,), plan) or ()
    return tuple(kept)


def _without_size(title: str, plan: Plan) -> str:
    """A size means nothing among a title's other words: "Rain Jacket, waterproof, M"."""
    for number, fact in enumerate(plan.facts, start=1):
        if fact.kind is FactKind.SIZE:
            title = re.sub(r"(?:\s*[,，|｜、:：–—-]|\s+and\b|\s+with\b|和|配)?\s*" + value_slot(number), "", title)
    return title


def _title(title: str, plan: Plan) -> list[str]:
    slots = Counter(SLOT.findall(title))
    faults = []
    if slots[NAME] != 1:
        faults.append("the title names the product other than once")
    allowed = {NAME, BRAND if plan.brand else NAME}
    allowed |= {value_slot(number) for number, fact in enumerate(plan.facts, start=1) if not fact.is_keyed}
    if set(slots) - allowed or any(count > 1 for count in slots.values()):
        faults.append("the title has slots that do not belong there")
    return faults + _words(title, plan)


def _body(body: str, sentences: tuple[str, ...], plan: Plan) -> tuple[list[int], list[str]]:
    slots = Counter(SLOT.findall(body))
    faults = _words(body, plan)
    if set(slots) - set(plan.slots()):
        faults.append("it has a slot that the plan has not")
    if any(count > 1 for count in slots.values()):
        faults.append("it says a fact twice")
    first = sentences[0] if sentences else ""
    if NAME not in _opening(sentences) or (plan.brand and BRAND not in _opening(sentences)):
        faults.append("it does not begin with the product")
    if not 2 <= len(sentences) <= MAX_SENTENCES or not sentences[-1].endswith(_ENDS) or not first:
        faults.append("it is no paragraph of whole sentences")
    if any(NAME in sentence and _FACT.search(sentence) for sentence in sentences):
        faults.append("it runs the opening into the facts")
    if any(tells_one(sentence, plan.language) for sentence in sentences if _FACT.search(sentence)):
        faults.append("it runs an occasion into the facts")
    missing = []
    for number, fact in enumerate(plan.facts, start=1):
        if not slots[value_slot(number)] and not slots[key_slot(number)]:
            missing.append(number)
        elif fact.is_keyed and not _is_paired(body, number):
            faults.append("a key and its value are apart")
    return missing, faults


def _opening(sentences: tuple[str, ...]) -> str:
    """The first two sentences: some openers ask a question first."""
    return " ".join(sentences[:2])


def _is_paired(body: str, number: int) -> bool:
    between = re.search(re.escape(key_slot(number)) + r"([^<>.。;；]{0,20})" + re.escape(value_slot(number)), body)
    return between is not None


def _words(text: str, plan: Plan) -> list[str]:
    words = SLOT.sub("", text)
    faults = []
    if any(char.isdigit() for char in words):
        faults.append("it has a digit of its own")
    if "<" in words or ">" in words:
        faults.append("it has a broken slot")
    if _STUTTER.search(words):
        faults.append("it stutters, or has half a character")
    if (_HAN if plan.language == "en" else _LATIN).search(words):
        faults.append("it has words of another language")
    return faults
