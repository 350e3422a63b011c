"""Puts the words of a plan into a text with slots, with the small changes grammar asks for around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storehand_plugins.checks import fold
from storehand_plugins.description.audience import AUDIENCE
from storehand_plugins.description.kinds import NAME, FactKind, value_slot
from storehand_plugins.description.plan import Fact, Plan

TITLE_MAX = 150
SLOT = re.compile(r"<(?:name|brand|[kv]\d+)>")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s)$")
_SUBJECT = re.compile(r"(?P<subject><k(?P<number>\d+)>|<name>(?: by <brand>)?) (?:is|are)\b")
_SIZE = re.compile(r"尺寸(?P<between>[为是：])(?P<value><v(?P<number>\d+)>)")
_IN_USE = re.compile(r"In use, (?P<it>it|they) (?P<rest>(?:is|are) <v(?P<number>\d+)>)")
_LETTERS = 4
"""At most so many characters make a size that clothes and shoes come in."""

_JOINT = re.compile(r"和(?P<value><v(?P<number>\d+)>)")
_LOWERED = (FactKind.QUALITY, FactKind.MATERIAL, FactKind.COLOR, FactKind.PHRASE)
_TITLED = re.compile(r"^[A-Z]{2}|^[A-Z]\s(?![a-z])|\s[A-Z][a-z]")
_COMMON = re.compile(
    r"(?:\w+(?:ed|ing|able|ible|less|proof)|a|an|one|two|three|four|five|six|seven|eight|ten|dual|double|twin|triple|extra"
    r"|full|half|long|short|large|small|big|wide|deep|high|low|soft|hard|firm|thick|thin|light|heavy|fast|quick|slow|easy"
    r"|warm|cool|cold|hot|quiet|silent|smooth|strong|sturdy|solid|safe|clear|bright|dark|matte|matt|round|flat|slim|hidden|front"
    r"|back|side|top|inner|outer|internal|external|auto|automatic|manual|digital|electric|wireless|cordless|remote|voice"
    r"|touch|app|cable|power|battery|charge|fire|water|wind|rain|sun|heat|noise|sound|night|day|sleep|heart|step|route"
    r"|timer|alarm|light|lamp|screen|display|camera|lens|memory|storage|case|cover|lid|handle|helper|base|stand|strap|belt"
    r"|zip|pocket|pockets|hood|collar|cuff|sleeve|sole|heel|seams|buttons|gift|travel|spare|replacement|storage|carry|bag"
    r"|box|drawer|drawers|shelf|shelves|tray|wheels|rubber|metal|wooden|glass|steel|cotton|linen|wool|leather|ceramic"
    r"|mesh|foam|fleece|coconut|aluminium|aluminum|stainless|breathable|grippy|notes|child|baby|dog|cat|kitchen|dust|air"
    r"|steam|ice|non|anti|pre|multi|self|single|free|natural|organic|fresh|keyless|magnetic)(?![\w])",
    re.IGNORECASE,
)
"""First words of a feature that are no names; what is not here keeps its capital (Bluetooth, Alexa)."""


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
        elif text.endswith("| ") and value[0].islower() and value.split(" ")[0].isalpha():
            value = value[0].upper() + value[1:]  # each part of such a title begins anew
        text += (" " if _runs_together(text[-1:], value[:1]) else "") + value
        end = match.end()
        if _runs_together(value[-1:], draft[end : end + 1]):
            text += " "
    return text + draft[end:]


def join(sentences: Sequence[str], plan: Plan) -> str:
    """Sentences as one paragraph."""
    return (" " if plan.language == "en" else "").join(sentences)


def lowered(fact: Fact) -> str:
    """The value as it stands inside an English sentence: common words lose a table's capital, names keep theirs."""
    value = fact.value
    is_common = value[1:].islower() and (fact.kind in _LOWERED or fact.label == "pattern")
    if fact.kind is FactKind.FEATURE:
        is_common = _COMMON.match(value) is not None and _TITLED.search(value) is None
    return value[0].lower() + value[1:] if is_common and value[0].isupper() else value


def size_word(fact: Fact) -> str:
    """Clothes come in a 尺码 ("M", "42"), things have a 尺寸."""
    return "尺码" if len(fact.value) <= _LETTERS else "尺寸"


def _lowered(plan: Plan) -> dict[str, str]:
    """Slots whose words lose their capital inside a sentence: "made of Steel" is made of steel."""
    if plan.language != "en":
        return {}
    words = {number: lowered(fact) for number, fact in enumerate(plan.facts, start=1)}
    return {value_slot(number): word for number, word in words.items() if word != plan.facts[number - 1].value}


def _agreeing(draft: str, plan: Plan) -> str:
    """With the small words as those behind the slots want them: "is" and "are", which a small model mixes up; nothing
    is made for women "in use"; Chinese properties ("免涂层") are not joined by the 和 that joins things, and clothes
    have a 尺码."""

    def joint(match: re.Match[str]) -> str:
        is_property = plan.facts[int(match["number"]) - 1].kind is FactKind.QUALITY
        return ("、" if is_property else "和") + match["value"]

    def verb(match: re.Match[str]) -> str:
        number = match["number"]
        is_many = plan.facts[int(number) - 1].key_is_plural if number else plan.is_plural
        return match["subject"] + (" are" if is_many else " is")

    def size(match: re.Match[str]) -> str:
        return size_word(plan.facts[int(match["number"]) - 1]) + match["between"] + match["value"]

    def use(match: re.Match[str]) -> str:
        is_person = plan.facts[int(match["number"]) - 1].label == AUDIENCE
        return f"{match['it'].title()} {match['rest']}" if is_person else match.group()

    if plan.language == "en":
        return _SUBJECT.sub(verb, _IN_USE.sub(use, draft))
    return _SIZE.sub(size, _JOINT.sub(joint, draft))


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
