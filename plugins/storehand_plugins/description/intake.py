"""What a product brings that no text may say: hidden characters, orders to machines, garbled or clashing values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storehand.contracts.base import Check
from storehand.contracts.product import Product, PropertyValue
from storehand_plugins.checks import find_injection, find_numbers, fold, is_mojibake, split_sentences, visible
from storehand_plugins.description.clashes import without_clashes
from storehand_plugins.description.rules import check

_TEXT_FIELDS = {
    "name": "name",
    "brand": "brand",
    "category": "category",
    "color": "color",
    "material": "material",
    "pattern": "pattern",
    "size": "size",
    "description": "description",
}
_TYPED = {
    "color": "color",
    "colour": "color",
    "颜色": "color",
    "配色": "color",
    "material": "material",
    "材质": "material",
    "材料": "material",
    "size": "size",
    "尺寸": "size",
    "尺码": "size",
    "pattern": "pattern",
    "图案": "pattern",
    "brand": "brand",
    "品牌": "brand",
}
_LISTS = re.compile(
    "features?|highlights?|includes?|included|contents?|accessories|ports?|functions?|modes?|compatib.*|ingredients?"
    "|tags?|keywords?|uses?|interfaces?|connectivity|allergens?|certifi.*|awards?"
    "|.*(?:特点|卖点|功能|接口|包含|配件|清单|模式|成分|配料|标签|用途|场景|认证|兼容).*"
)
_NOT_WORDS = re.compile(r"[\W_]+")
_NAME_MIN = 2
_UNNAMED = {"zh": "本商品", "en": "This product"}


@dataclass(frozen=True, slots=True)
class Intake:
    """The product as a text may speak of it, and what was left out of it."""

    product: Product
    checks: tuple[Check, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    """Name and value of attributes that clash."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A value of a name; `number` is its place among the named attributes, none for a field of its own."""

    number: int | None
    name: str
    value: str


def taken_in(product: Product, go_on: Callable[[], None] = lambda: None) -> Intake:
    """Clean products, nearly all there are, come back as they are. `go_on` is called between the steps."""
    checks: list[Check] = []
    dropped: list[tuple[str, str]] = []
    clean = _cleaned(product, checks) if _is_suspect(product) else product
    go_on()
    clean = _agreeing(clean, checks, dropped)
    go_on()
    clean, clashes, out = without_clashes(clean, product)
    return Intake(clean, (*checks, *clashes), (*dropped, *out))


def _is_suspect(product: Product) -> bool:
    """One look at everything together; only where it finds something, each field is looked at."""
    text = "\n".join(text for _, text in _texts(product))
    return is_mojibake(text) or visible(text).removed > 0 or bool(find_injection(text))


def _texts(product: Product) -> Iterator[tuple[str, str]]:
    for attribute, name in _TEXT_FIELDS.items():
        if value := getattr(product, attribute):
            yield name, value
    for number, note in enumerate(product.positive_notes):
        yield f"positiveNotes[{number}]", note
    for number, each in enumerate(product.additional_property):
        yield f"additionalProperty[{number}]", f"{each.name}: {each.value}"


def _cleaned(product: Product, checks: list[Check]) -> Product:
    update: dict[str, object] = {}
    for attribute, name in _TEXT_FIELDS.items():
        if value := getattr(product, attribute):
            update[attribute] = _sentences(value, name, checks) if attribute == "description" else None
            if attribute != "description":
                update[attribute] = _said(value, name, checks)
    if update["name"] is None:
        update["name"] = _name_left(product)
    notes = (_said(note, f"positiveNotes[{number}]", checks) for number, note in enumerate(product.positive_notes))
    update["positive_notes"] = tuple(note for note in notes if note is not None)
    named = (_pair(each, number, checks) for number, each in enumerate(product.additional_property))
    update["additional_property"] = tuple(each for each in named if each is not None)
    return product.model_copy(update=update)


def _pair(given: PropertyValue, number: int, checks: list[Check]) -> PropertyValue | None:
    field = f"additionalProperty[{number}]"
    name, value = _said(given.name, f"{field}.name", checks), _said(given.value, f"{field}.value", checks)
    return None if name is None or value is None else given.model_copy(update={"name": name, "value": value})


def _said(value: str, field: str, checks: list[Check], at: int = 0) -> str | None:
    """The value, which begins at `at` of its field, without what nobody sees; none where it is an order or garbled."""
    seen = visible(value)
    if seen.removed:
        checks.append(check("hidden_characters", field=_path(field), span=(at, at + len(value)), text=seen.text))
    text = seen.text.strip()
    if found := find_injection(seen.text):
        first = found[0]
        start, end = seen.span(first.start, first.end)
        checks.append(check("injection", field=_path(field), span=(at + start, at + end), text=first.text))
        return None
    if is_mojibake(text):
        checks.append(
            check("mojibake", field=_path(field), span=(at, at + len(value)), text=text, suggestion=_mended_bytes(text))
        )
        return text if field == "name" else None
    return text or None


def _sentences(value: str, field: str, checks: list[Check]) -> str | None:
    """The current description, which is only read for facts: sentence by sentence."""
    found = [_said(value[start:end], field, checks, start) for start, end in split_sentences(value)]
    return " ".join(each for each in found if each) or None


def _name_left(product: Product) -> str:
    """A product needs a name: what its name says before the order, else what it is."""
    name = visible(product.name).text
    sound = [name[start:end] for start, end in split_sentences(name) if not find_injection(name[start:end])]
    first = find_injection(name)[0].start
    left = (sound[0] if sound else name[:first]).strip(" .,;:!|，。；：！、-—")
    if sum(char.isalnum() for char in left) >= _NAME_MIN and not find_injection(left):
        return left
    category = (product.category or "").split(" > ")[-1].strip()
    usable = category and not find_injection(category) and not is_mojibake(category)
    return category if usable else _UNNAMED["zh" if product.language == "zh" else "en"]


def _agreeing(product: Product, checks: list[Check], dropped: list[tuple[str, str]]) -> Product:
    """Each name once: lists joined, the fullest of equal values kept, and none of values that can't all be true."""
    named: dict[str, list[_Given]] = {}
    for attribute in ("color", "material", "size", "pattern", "brand"):
        if value := getattr(product, attribute):
            named.setdefault(attribute, []).append(_Given(None, attribute, value))
    for number, each in enumerate(product.additional_property):
        key = _NOT_WORDS.sub("", fold(each.name).text)
        named.setdefault(_TYPED.get(key, key), []).append(_Given(number, each.name, each.value))
    replaced: dict[int, str | None] = {}
    cleared: dict[str, object] = {}
    for key, given in named.items():
        values = list(dict.fromkeys(one.value for one in given))
        if len(values) < 2:
            continue
        agreed = _joint(values) if _LISTS.fullmatch(key) else _agreed(values)
        if agreed is None:
            checks.append(_conflict(key, given, values))
            dropped += dict.fromkeys((one.name, one.value) for one in given)
        keeper = next((one for one in given if one.value == agreed), given[0]) if agreed else None
        for one in given:
            said = agreed if one is keeper else None
            if one.number is None:
                cleared[key] = said
            else:
                replaced[one.number] = said
    return _replaced(product, replaced, cleared) if replaced or cleared else product


def _replaced(product: Product, values: dict[int, str | None], cleared: dict[str, object]) -> Product:
    kept = []
    for number, each in enumerate(product.additional_property):
        value = values.get(number, each.value)
        if value is not None:
            kept.append(each if value == each.value else each.model_copy(update={"value": value}))
    return product.model_copy(update={**cleared, "additional_property": tuple(kept)})


def _conflict(key: str, given: list[_Given], values: list[str]) -> Check:
    last = given[-1]
    return check(
        "conflicting_attribute",
        field=_path(key if last.number is None else f"additionalProperty[{last.number}].value"),
        span=(0, len(last.value)),
        text=last.value,
        basis=f"{given[0].name} is given as {' and as '.join(values)}: none of them was said",
        suggestion="keep the value that is true",
    )


def _joint(values: list[str]) -> str:
    """Several ports or features of one name are no conflict."""
    return ("、" if any("\u4e00" <= char <= "\u9fff" for char in "".join(values)) else ", ").join(values)


def _agreed(values: list[str]) -> str | None:
    """The fullest of values that say the same ("Black", "Matte black"; "1 kg", "1.0kg"); none where they differ."""
    fullest = max(values, key=len)
    whole = fold(fullest).squashed().text
    numbers = [(each.value, each.unit) for each in find_numbers(fullest)]
    for value in values:
        if find_numbers(value) and [(each.value, each.unit) for each in find_numbers(value)] != numbers:
            return None
        if fold(value).squashed().text not in whole and not numbers:
            return None
    return fullest


def _mended_bytes(text: str) -> str | None:
    """What the text says once read in UTF-8, where that works out."""
    for wrong in ("cp1252", "latin-1", "gb18030"):
        try:
            mended = text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
        if mended != text and not is_mojibake(mended):
            return mended
    return None


def _path(field: str) -> str:
    return f"input.product.{field}"
