"""Numbers of a text that stand where the product has others: 6.1 inches for a display of 6.7."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from storehand_plugins.checks.folding import fold
from storehand_plugins.checks.measures import amount_of, dimension_of, is_same
from storehand_plugins.checks.numbers import Number, find_numbers, unsupported_numbers
from storehand_plugins.checks.statements import Statement

_FILLERS = frozenset(
    re.findall(
        r"[a-z]+", "a an the of and or with in for to on by is are it its has have holds up as at this that from"
    )
) | {"from", "each", "per"}
_COUNTED = frozenset(
    ("", "piece", "x", "%", "day", "year", "month", "week", "s", "m", "f", "c", "person", "usd", "cny")
)
"""Units that may count many things: with these, the words around must agree."""

_NAMES = frozenset(("sku", "gtin", "mpn", "price"))

_Found = tuple[str, str, str, int, int]


def contradicted_numbers(text: str, statements: Sequence[Statement]) -> Iterator[_Found]:
    """Attribute, value, the text's number and its span."""
    known = [(statement, number) for statement in statements for number in find_numbers(statement.text)]
    said = {(each.value, each.unit): each for each in find_numbers(text)}.values()
    open_ones = [
        pair
        for pair in known
        if not (pair[1].is_code or pair[0].label in _NAMES or any(_agree(each, pair[1]) for each in said))
    ]
    if not open_ones:
        return
    for number, _ in unsupported_numbers(text, [statement.text for statement in statements]):
        for statement, other in open_ones:
            if not number.is_code and (
                _is_grown_fraction(number, other) or _is_same_thing(text, number, statement, other, known)
            ):
                yield statement.label, statement.value, text[number.start : number.end], number.start, number.end
                break


def _agree(one: Number, other: Number) -> bool:
    first, second = amount_of(one.value, one.unit), amount_of(other.value, other.unit)
    if first and second:
        return is_same(first, second)
    return one.value == other.value and (one.unit == other.unit or not (one.unit and other.unit))


def _is_grown_fraction(number: Number, other: Number) -> bool:
    """9/16 became 1-9/16."""
    return "/" in other.value and number.value.endswith(f"-{other.value}")


def _is_same_thing(
    text: str, number: Number, statement: Statement, other: Number, known: Sequence[tuple[Statement, Number]]
) -> bool:
    dimension = dimension_of(number.unit)
    if dimension != dimension_of(other.unit) and number.unit and other.unit:
        return False
    if _shared_words(text, number, statement, other):
        return True
    if dimension != dimension_of(other.unit) or number.unit in _COUNTED:
        return _next_han(text, number.end) == _next_han(statement.text, other.end) != ""
    same = [each for _, each in known if dimension_of(each.unit) == dimension]
    return len(same) == 1


def _shared_words(text: str, number: Number, statement: Statement, other: Number) -> bool:
    around = _words(text[max(0, number.start - 24) : number.start], last=True) | _words(
        text[number.end : number.end + 28]
    )
    about = f"{statement.label} " if statement.label not in ("name", "positiveNotes") else ""
    about += statement.text[: other.start] + " " + statement.text[other.end : other.end + 28]
    unit = {fold(text[number.start : number.end]).text.strip("0123456789. -").rstrip("s")}
    return bool((around | unit) & _all_words(about))


@lru_cache(maxsize=1024)
def _words(text: str, *, last: bool = False) -> set[str]:
    """The words next to a number, up to the end of its clause."""
    parts = re.split(r"[.,;:!?，。；：！？、]", fold(text).text)
    clause = parts[-1] if last else parts[0]
    latin = [word.rstrip("s") for word in re.findall(r"[a-z]{2,}", clause) if word not in _FILLERS]
    near = latin[-2:] if last else latin[:3]
    han = re.findall(r"[\u4e00-\u9fff]+", clause)
    run = (han[-1][-4:] if last else han[0][:4]) if han else ""
    return {*near, *(run[index : index + 2] for index in range(len(run) - 1))} - {""}


@lru_cache(maxsize=1024)
def _all_words(text: str) -> set[str]:
    folded = fold(text).text
    latin = {word.rstrip("s") for word in re.findall(r"[a-z]{2,}", folded) if word not in _FILLERS}
    runs = re.findall(r"[\u4e00-\u9fff]+", folded)
    return latin | {run[index : index + 2] for run in runs for index in range(len(run) - 1)}


def _next_han(text: str, end: int) -> str:
    return text[end] if end < len(text) and "\u4e00" <= text[end] <= "\u9fff" else ""
