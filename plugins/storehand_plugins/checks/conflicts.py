"""What a product says of itself twice and differently: a steel kettle by its name, of glass by its material."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storehand.contracts.product import Product
from storehand_plugins.checks.concepts import Mention, find_mentions
from storehand_plugins.checks.folding import fold
from storehand_plugins.checks.measures import amount_of, dimension_of, is_same
from storehand_plugins.checks.numbers import Number, find_numbers
from storehand_plugins.checks.statements import Statement, statements_of

_LABELS = {
    "material": re.compile(
        r"(?:main |outer |fabric )?materials?|fabric|材质|材料|面料|主要?材质|主材|面料材质|外壳材质"
    ),
    "colour": re.compile(r"colou?r|颜色|配色|颜色分类"),
    "connection": re.compile(r"connection(?: type)?|connectivity|连接方式|连接|连接类型"),
    "sleeve": re.compile(r"sleeves?(?: length| type)?|袖长|袖型"),
    "roast": re.compile(r"roast(?: level)?|烘焙度|烘焙程度|烘焙"),
    "movement": re.compile(r"movement|机芯|机芯类型"),
    "sugar": re.compile(r"sugar|糖|含糖量|甜度"),
    "coating": re.compile(r"coating|涂层"),
    "audience": re.compile(r"audience|(?:suggested )?gender|性别|适用性别|适用人群"),
}
"""Of the kinds that a thing has one of, the labels that speak of the whole thing."""

_AMOUNTS = {
    "volume": re.compile(r"(?:net )?(?:capacity|volume|contents?)|容量|容积|净含量|规格|水箱容量"),
    "mass": re.compile(r"net weight|net contents?|净重|净含量|规格"),
    "power": re.compile(r"(?:rated )?(?:power|wattage)|功率|额定功率"),
    "data": re.compile(r"storage(?: capacity)?|capacity|存储容量|内存容量|容量|机身存储"),
    "v": re.compile(r"(?:rated )?voltage|电压|额定电压"),
    "mah": re.compile(r"(?:battery )?capacity|battery|电池容量|容量|电池"),
    "length": re.compile(r"(?:screen|display)(?: size)?|length|屏幕尺寸|屏幕|长度|线长|直径|diameter"),
}
_NOT_OF_IT = re.compile(
    r"[\s-]*(?:$|[,;|/()]|(?:effect|look|feel|style|print|tone|colou?r|finish|free|scent|fragrance|care|cleaner|cleaning"
    r"|polish|conditioner|burner|burning|stove|saw|drill|screws?|bits?|cutter|nails?|glue|stain|filler|brush|wash"
    r"|charcoal|lined|lining|trim|handle|lid|base|sole|holder|rack|protector|supplement|filled|filling|coated|plated"
    r"|monoxide|wine|tea|noise|lights?|pepper|coffee|label|box|friday|diamond|screen|board|juicer?|squeezer|rice|beans?"
    r"|bull|carpet|gum|nose|ray|tooth|collar|grape|peel|note|book|garlic|oil|card|paper|stem|and|or|&)s?\b)"
)
_NOT_OF_IT_ZH = re.compile(r"[感风纹味香调]|系列?风|清洁|护理|专用|保养|盖|柄|把手|底|内胆|边|光|茶|酒|噪")
_AT_FRONT = re.compile(r"(?:^|[,;(/|–-]\s*)(?:the |new )?$")
_SIX_OF_THEM = re.compile(r"[0-9]\s?[x*×]|[x*×]\s?[0-9]|pack|set of|[0-9一二两三四五六]+[件只瓶盒袋罐支装]|套装")


_WEAVES = re.compile(r"material\.(?:satin|fleece|mesh|canvas|denim|corduroy|velvet|felt|flannel|terry|chenille)")
"""Ways to make a cloth, of any fibre: corduroy may be polyester."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The product's `attribute` is `value`, its `other_attribute` speaks of the same and says `other_value`."""

    attribute: str
    value: str
    other_attribute: str
    other_value: str


def conflicts(product: Product) -> list[Conflict]:
    """Where name and attributes cannot both be true, each pair of attributes once, in the order of the attributes.

    Only what is certain: a name that also names the attribute's value ("glass kettle with steel base") conflicts with
    nothing, and neither does an attribute of a part.
    """
    statements = statements_of(product)
    name = next(each for each in statements if each.label == "name")
    facts = [
        each for each in statements if each.label not in ("name", "brand", "category", "sku", "gtin", "mpn", "price")
    ]
    pairs = [*_ideas(name, facts), *_between(facts), *_numbers(name, facts), *_denials(name, facts)]
    found = {(one.label, other.label): Conflict(one.label, one.value, other.label, other.value) for one, other in pairs}
    return list(found.values())


_Pair = tuple[Statement, Statement]


def _ideas(name: Statement, facts: Sequence[Statement]) -> Iterator[_Pair]:
    text = fold(name.text).text
    for kind, label in _LABELS.items():
        said = [each for each in _of_kind(text, kind) if _is_of_it(text, each)]
        if not said:  # nearly every name, for nearly every kind
            continue
        known = [each for fact in facts for each in _of_kind(fold(fact.said).text, kind)]
        fits = any(one.concept.fits(other.concept) for one in _of_kind(text, kind) for other in known)
        if fits:
            continue
        for fact in facts:
            if _speaks_of(fact, label, kind) and _of_kind(fold(fact.said).text, kind):
                yield name, fact


def _between(facts: Sequence[Statement]) -> Iterator[_Pair]:
    """The field `material` and an attribute of the same meaning."""
    for kind, label in _LABELS.items():
        same = [fact for fact in facts if label.fullmatch(fold(fact.label).text.strip())]
        for place, one in enumerate(same):
            for other in same[place + 1 :]:
                first, second = (_of_kind(fold(each.value).text, kind) for each in (one, other))
                if first and second and not any(a.concept.fits(b.concept) for a in first for b in second):
                    yield one, other


def _of_kind(folded: str, kind: str) -> list[Mention]:
    found = [each for each in find_mentions(folded) if each.concept.family == kind and not each.is_negated]
    adults = ("audience.men", "audience.women")
    found = [each for each in found if not _WEAVES.fullmatch(each.concept.key)]
    return [each for each in found if kind != "audience" or each.concept.key in adults]


def _is_of_it(text: str, mention: Mention) -> bool:
    """Of the thing itself: the iron of "steam iron" and the red of "red wine glass" are not."""
    rest, family = text[mention.end :], mention.concept.family
    if not text[mention.start].isascii():
        return not _NOT_OF_IT_ZH.match(rest)
    if family == "colour":
        is_apart = bool(re.match(r"\s*(?:$|[,;)/|])", rest)) and bool(re.search(r"[,;(/|-]\s*$", text[: mention.start]))
        return is_apart or (bool(_AT_FRONT.search(text[: mention.start])) and not _NOT_OF_IT.match(rest))
    if family == "material":
        return not _NOT_OF_IT.match(rest) and not re.search(r"\b(?:with|for|on|in)\b", text[: mention.start])
    return True


def _speaks_of(fact: Statement, label: re.Pattern[str], kind: str) -> bool:
    if fact.label == "positiveNotes":  # a note that is nothing but the value
        text = fold(fact.text).text.strip()
        return any(each.end - each.start == len(text) for each in _of_kind(text, kind))
    return bool(label.fullmatch(fold(fact.label).text.strip()))


def _numbers(name: Statement, facts: Sequence[Statement]) -> Iterator[_Pair]:
    text = fold(name.text).text
    if _SIX_OF_THEM.search(text):
        return
    for number in find_numbers(name.text):
        label = _AMOUNTS.get(dimension_of(number.unit))
        if label is None or number.is_code:
            continue
        same = [each for fact in facts for each in find_numbers(fact.text) if _is_like(number, each)]
        if any(_agree(number, each) for each in same):
            continue
        for fact in facts:
            values = [each for each in find_numbers(fact.value) if _is_like(number, each)]
            is_note = fact.label == "positiveNotes" and any(_is_all(fact.text, each) for each in values)
            if len(values) == 1 and (is_note or label.fullmatch(fold(fact.label).text.strip())):
                yield name, fact


def _is_like(one: Number, other: Number) -> bool:
    return not other.is_code and dimension_of(one.unit) == dimension_of(other.unit)


def _is_all(text: str, number: Number) -> bool:
    return not (text[: number.start] + text[number.end :]).strip(" .")


def _agree(one: Number, other: Number) -> bool:
    first, second = amount_of(one.value, one.unit), amount_of(other.value, other.unit)
    return is_same(first, second) if first and second else one.value == other.value


def _denials(name: Statement, facts: Sequence[Statement]) -> Iterator[_Pair]:
    """A waterproof jacket whose attribute "waterproof" says no."""
    said = {
        each.concept.key: each.is_negated for each in find_mentions(fold(name.text).text) if not each.concept.family
    }
    for fact in facts:
        for each in find_mentions(fold(fact.text).text):
            if each.concept.key in said and said[each.concept.key] != each.is_negated:
                yield name, fact
