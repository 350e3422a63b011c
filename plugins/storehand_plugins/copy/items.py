"""A product as copy speaks of it: its names, its highlights, the scenes it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from storehand.contracts.product import Product
from storehand_plugins.checks.injection import find_injection
from storehand_plugins.copy.money import money
from storehand_plugins.description.facts import plan_of
from storehand_plugins.description.groups import GENERIC
from storehand_plugins.description.kinds import FactKind, Language, Tone
from storehand_plugins.description.phrases_en import SCENES as SCENES_EN
from storehand_plugins.description.phrases_zh import SCENES as SCENES_ZH
from storehand_plugins.description.plan import Fact, Plan

_APPEAL = (
    FactKind.FEATURE,
    FactKind.QUALITY,
    FactKind.AMOUNT,
    FactKind.MATERIAL,
    FactKind.PHRASE,
    FactKind.COLOR,
    FactKind.WORD,
)
_THINGS = (FactKind.FEATURE, FactKind.AMOUNT)
_DULL = re.compile(
    r"sku|gtin|ean|mpn|model|article|warranty|weight|型号|货号|编码|条码|执行标准|重量|净重", re.IGNORECASE
)
_BRACKETS = re.compile(r"\s*[(（\[【].*?[)）\]】]\s*")
_BREAK = re.compile(r"\s+[-–—|/]\s+|[,，、|｜;；]\s*")
_PROPER = re.compile(
    r"(?:italian|french|german|japanese|swiss|chinese|american|british|english|egyptian|nordic|scandinavian|turkish"
    r"|bluetooth|dolby|usb|wi-?fi)\b",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_VERBS_ZH = ("穿", "用", "洗", "拆", "叠", "戴", "收纳", "充电")
NO_NOUN = "something new"
NO_NAME: dict[Language, str] = {"zh": "这件好物", "en": "our pick"}
"""For a name that speaks to a machine."""

MAX_POINT = 60
ENOUGH = 2
"""With so many better highlights, plain pairs such as "origin Hangzhou" are left to the paragraph."""


@dataclass(frozen=True, slots=True)
class Point:
    """One highlight in a few words. A thing can follow "with"."""

    text: str
    kind: FactKind

    @property
    def is_thing(self) -> bool:
        return self.kind in _THINGS


@dataclass(frozen=True, slots=True)
class Item:
    """`names` go from long to short; `noun` is what kind of thing it is, in the shop's own word."""

    product: Product
    plan: Plan
    names: tuple[str, ...]
    noun: str
    points: tuple[Point, ...]
    scenes: tuple[str, ...]
    price: str

    @property
    def name(self) -> str:
        return self.names[0]


def item_of(
    product: Product,
    language: Language,
    tone: Tone,
    *,
    sayable: Callable[[str], bool],
) -> Item:
    """What may be said of it: values that `sayable` refuses are left out."""
    if find_injection(product.name):
        product = product.model_copy(update={"name": NO_NAME[language]})
    plan = plan_of(product, language, tone)
    readable = [fact for fact in plan.facts if language == "zh" or not _HAN.search(fact.value + fact.key)]
    said = sorted((_as_said(fact, language) for fact in readable), key=lambda fact: list(FactKind).index(fact.kind))
    plan = replace(plan, facts=tuple(said))
    facts = [fact for fact in plan.facts if fact.kind in _APPEAL and sayable(fact.value) and sayable(fact.key)]
    ranked = sorted(facts, key=lambda fact: (bool(_DULL.search(fact.key)), _APPEAL.index(fact.kind)))
    if sum(fact.kind is not FactKind.WORD for fact in ranked) >= ENOUGH:
        ranked = [fact for fact in ranked if fact.kind is not FactKind.WORD]
    points = (Point(_point(fact, language), fact.kind) for fact in ranked)
    names = _names(plan, sayable)
    scenes = (SCENES_ZH if language == "zh" else SCENES_EN).get(plan.group) or (
        SCENES_ZH if language == "zh" else SCENES_EN
    )[GENERIC]
    offers = product.offers
    return Item(
        product=product,
        plan=plan,
        names=names,
        noun=_noun(product, names, language),
        points=tuple(dict.fromkeys(point for point in points if len(point.text) <= MAX_POINT)),
        scenes=tuple(scenes),
        price=money(offers.price, offers.price_currency, is_chinese=language == "zh") if offers else "",
    )


def _names(plan: Plan, sayable: Callable[[str], bool]) -> tuple[str, ...]:
    """Without brackets, then up to the first break: never cut inside a word. Brackets alone are a name too."""
    without = _BRACKETS.sub(" ", plan.name).strip()
    head = _BREAK.split(without)[0].strip()
    candidates = [without, head] if any(map(str.isalnum, without)) else [plan.name]
    if " " in head and _HAN.search(head):
        candidates.append(head.split(" ")[0])
    long = [name for name in dict.fromkeys(candidates) if any(char.isalnum() for char in name)] or [plan.name]
    return tuple(name for name in long if sayable(name)) or tuple(long)


def _noun(product: Product, names: Sequence[str], language: Language) -> str:
    """The last step of the category, where it is of the text's language and says anything."""
    step = (product.category or "").split(">")[-1].split("/")[-1].strip()
    is_han = bool(_HAN.search(step))
    if step and is_han == (language == "zh") and len(step) <= 12:
        return step if language == "zh" else step.lower()
    return names[-1] if language == "zh" else NO_NOUN


def _as_said(fact: Fact, language: Language) -> Fact:
    """Inside a sentence, and as a property where it is one: "hand-picked" and "双面穿" are no things one gets."""
    if fact.kind is not FactKind.FEATURE:
        return fact
    value = fact.value if language == "zh" else _low(fact.value)
    is_quality = value.endswith(_VERBS_ZH) if language == "zh" else " " not in value and value.endswith("ed")
    return replace(fact, value=value, kind=FactKind.QUALITY if is_quality else fact.kind)


def _point(fact: Fact, language: Language) -> str:
    value, key = fact.value, fact.key
    if language == "zh":
        if fact.kind is FactKind.MATERIAL:
            return value if value.endswith(("材质", "料")) else f"{value}材质"
        if fact.kind is FactKind.COLOR:
            return f"{value}配色" if value.endswith("色") else value
        between = " " if key[-1:].isascii() else ""
        return f"{key}{between}{value}" if fact.kind is FactKind.AMOUNT else (f"{key}：{value}" if key else value)
    if fact.kind is FactKind.MATERIAL:
        return f"made of {_low(value)}"
    if fact.kind is FactKind.COLOR:
        return f"in {_low(value)}"
    if fact.kind is FactKind.AMOUNT:
        return f"{value} {key}"
    return f"{key} {value}" if key else _low(value)


def _low(text: str) -> str:
    """Table capitals do not belong inside a sentence; names and abbreviations keep theirs."""
    first, _, rest = text.partition(" ")
    if _PROPER.match(text) or any(char.isupper() for char in text[1:]) or not first[1:].islower():
        return text
    if not rest and "-" not in first and not text.lower().endswith(("ed", "less", "able", "free", "proof", "steel")):
        return text if len(text.split()) == 1 and text[0].isupper() and len(text) > 12 else text[0].lower() + text[1:]
    return text[0].lower() + text[1:]
