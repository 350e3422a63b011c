"""Makes the mapping of a run from the file's columns, the user's options and a mapping file."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from storehand.bulk import cells
from storehand.bulk.cells import folded
from storehand.bulk.contract import Contract, Target
from storehand.bulk.convert import Converter
from storehand.bulk.mapping import Bound, Constant, Mapping, Pair, choose_id, force
from storehand.bulk.shape import Shape
from storehand.errors import InvalidInput

_WITH_FALLBACK = ("offers.price", "sku")
"""Places that take the next best column where the best one's cell is empty: sale price, else price."""

_CURRENCIES = frozenset(
    ("USD", "EUR", "GBP", "CNY", "RMB", "JPY", "CAD", "AUD", "HKD", "TWD", "SGD", "KRW", "INR", "BRL", "CHF", "SEK")
)
_PRICE_IN = re.compile(r"(?:sale|regular|unit|list)?price(?:in)?([a-z]{3})")
_OPTION = re.compile(r"option(\d)name")
_ATTRIBUTE = re.compile(r"attribute(\d+)name")


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What the user said about columns. `maps` are (path, column), `sets` (path, value), both as written."""

    maps: tuple[tuple[str, str], ...] = ()
    sets: tuple[tuple[str, str], ...] = ()
    attributes: tuple[str, ...] = ()
    file: Path | None = None
    group_by: str | None = None
    id_column: str | None = None
    currency: str | None = None
    zone: str | None = None
    read: Callable[[str], str] = field(default=lambda name: Path(name).read_text(encoding="utf-8-sig"))


def make_mapping(contract: Contract, shape: Shape, columns: tuple[str, ...], options: MapOptions) -> Mapping:
    """InvalidInput where the options name a column or a field that is not there, or a required field has no source."""
    options = _with_file(options)
    mapping = Mapping(shape, contract, converter=Converter(_currency(options.currency), _zone(options.zone)))
    free = _bind_explicit(mapping, columns, options)
    _bind_attributes(mapping, columns, free, options)
    if any(column in contract.required or column == shape.item for column in free) or not shape.known:
        _bind_own_form(mapping, free)
    _bind_known(mapping, free)
    mapping.constants = [_constant(contract, shape, path, value, options.read) for path, value in options.sets]
    mapping.unmapped = [] if mapping.takes_other_columns else free
    mapping.group_column = _existing(options.group_by, columns, "--group-by") if options.group_by else _group(mapping)
    given = options.id_column
    mapping.id_column = _existing(given, columns, "--id") if given else choose_id(shape, mapping.bound, columns, folded)
    _refuse_gaps(mapping, columns)
    _refuse_constants(mapping)
    return mapping


def _bind_explicit(mapping: Mapping, columns: tuple[str, ...], options: MapOptions) -> list[str]:
    """Binds `--map`; returns the columns that are left for the known names."""
    taken: set[str] = set()
    for path, column in options.maps:
        if path == "attributes":
            continue
        target = _target(mapping.contract, mapping.shape, path)
        if not column:  # `--map product.brand=` keeps the place empty
            mapping.bound.append(Bound("", target, is_explicit=True))
            continue
        name = _existing(column, columns, f"--map {path}")
        mapping.bound.append(Bound(name, target, is_explicit=True))
        taken.add(name)
    return [column for column in columns if column not in taken]


def _bind_attributes(mapping: Mapping, columns: tuple[str, ...], free: list[str], options: MapOptions) -> None:
    if mapping.shape.attributes is not None:
        by_fold = {folded(column): column for column in free}
        for name, column in [(folded(column), column) for column in free]:
            number = _OPTION.fullmatch(name) or _ATTRIBUTE.fullmatch(name)
            values = (name.replace("name", "value"), name.replace("name", "values"), name.replace("name", "value(s)"))
            value = next((by_fold[each] for each in map(folded, values) if each in by_fold), None) if number else None
            if value:
                mapping.pairs.append(Pair(column, value))
                free.remove(column)
                free.remove(value)
    wanted = [*options.attributes, *(column for path, column in options.maps if path == "attributes")]
    for name in [part.strip() for each in wanted for part in each.split(",") if part.strip()]:
        if mapping.shape.attributes is None:
            raise InvalidInput(f"{mapping.contract.task} has no attributes: --attributes is for description and copy")
        if name in ("*", "..."):
            mapping.takes_other_columns = True
            continue
        column = _existing(name, columns, "--attributes")
        mapping.attributes.append(column)
        if column in free:
            free.remove(column)


def _bind_own_form(mapping: Mapping, free: list[str]) -> None:
    """Rows that are already in the contract's form."""
    for column in list(free):
        if mapping.contract.has(column) and not column.startswith("schema"):
            mapping.bound.append(Bound(column, mapping.contract.resolve(column)))
            free.remove(column)


def _bind_known(mapping: Mapping, free: list[str]) -> None:
    contract, shape = mapping.contract, mapping.shape
    taken = {each.target.path for each in mapping.bound}
    for column in list(free):
        if "." in column and contract.has(column):
            target = contract.resolve(column)
            if target.path not in taken:
                mapping.bound.append(Bound(column, target))
                taken.add(target.path)
                free.remove(column)
    by_fold: dict[str, list[str]] = {}
    for column in free:
        by_fold.setdefault(folded(column.removeprefix("g:")), []).append(column)
    for path, known in shape.known.items():
        if path in taken or not contract.has(path):
            continue
        found = [column for name in known for column in by_fold.get(name, ()) if column in free]
        target = contract.resolve(path)
        is_list = target.kind in ("texts", "objects") and path != shape.item
        many = is_list or path.endswith(_WITH_FALLBACK)
        for column in found if many else found[:1]:
            mapping.bound.append(Bound(column, target))
            free.remove(column)
        if path.endswith("offers.price") and not found:
            _bind_priced(mapping, target, free)


def _bind_priced(mapping: Mapping, target: Target, free: list[str]) -> None:
    """`price_usd`."""
    for column in list(free):
        match = _PRICE_IN.fullmatch(folded(column))
        if match and (code := match[1].upper()) in _CURRENCIES:
            mapping.bound.append(Bound(column, target, "CNY" if code == "RMB" else code))
            free.remove(column)
            return


def _constant(contract: Contract, shape: Shape, path: str, value: str, read: Callable[[str], str]) -> Constant:
    """`tone=lively`, `n_variants=2`, `campaign=@campaign.json`, `campaign={…}`, `keywords=a,b`."""
    target = _target(contract, shape, path)
    if not isinstance(value, str):  # from a mapping file
        return Constant(target, value)
    if value.startswith("@"):
        try:
            return Constant(target, json.loads(read(value[1:])))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"--set {path}: can't read {value[1:]}: {error}") from None
        except ValueError as error:
            raise InvalidInput(f"--set {path}: {value[1:]} is not JSON: {error}") from None
    if target.kind == "text":
        return Constant(target, value)
    if target.kind == "texts":
        return Constant(target, cells.as_list(value))
    try:
        return Constant(target, json.loads(value))
    except ValueError:
        return Constant(target, cells.as_json(value))


def _target(contract: Contract, shape: Shape, path: str) -> Target:
    """A path as written, or below the shape's own place: `--map name=标题` means `product.name`."""
    if not contract.has(path) and shape.bare and contract.has(shape.bare + path):
        return contract.resolve(shape.bare + path)
    return contract.resolve(path)


def _existing(name: str, columns: Sequence[str], option: str) -> str:
    if name in columns:
        return name
    alike = [column for column in columns if folded(column) == folded(name)]
    if alike:
        return alike[0]
    near = difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    shown = ", ".join(columns[:20]) + (" …" if len(columns) > 20 else "")
    raise InvalidInput(f"{option}: there is no column {name!r}{hint}", details={"advice": f"the columns are: {shown}"})


def _group(mapping: Mapping) -> str | None:
    if mapping.shape.group is None:
        return None
    return next(iter(mapping.columns_for(mapping.shape.group)), None)


def _refuse_gaps(mapping: Mapping, columns: Sequence[str]) -> None:
    """Every row would be bad: better said once, before the file is read."""
    contract, shape = mapping.contract, mapping.shape
    fed = {each.target.path for each in mapping.bound if each.column} | {each.target.path for each in mapping.constants}
    roots = {path.split(".")[0] for path in fed}
    must = [name for name in contract.required if name not in roots and name != "conversationId"]
    if shape.bare in ("product.", "products.") and f"{shape.bare}name" not in fed and shape.bare[:-1] not in fed:
        must = [f"{shape.bare}name", *(name for name in must if name != shape.bare[:-1])]
    if "reviews" in roots and not fed & {"reviews", "reviews.reviewBody"}:
        must.append("reviews.reviewBody")
    if must:
        shown = ", ".join(columns[:20]) + (" …" if len(columns) > 20 else "")
        options = " ".join(f"--map {name}=COLUMN" for name in must)
        raise InvalidInput(
            f"no column is known to be {', '.join(must)}; the columns are: {shown}",
            details={"task": contract.task, "advice": f"say which: {options} (or --set {must[0]}=VALUE for all rows)"},
        )


def _refuse_constants(mapping: Mapping) -> None:
    """A value for all rows that the contract refuses would make every row bad."""
    data: dict[str, Any] = {}
    for each in mapping.constants:
        if each.target.path.split(".")[0] not in (mapping.shape.item, "product"):
            force(data, each.target.path.split("."), each.value)
    if not data or not mapping.contract.is_checked_in_full:
        return
    faults = [(path, reason) for path, reason in mapping.contract.check(data)[1] if path.split(".")[0] in data]
    if faults:
        raise InvalidInput("; ".join(f"--set {path}: {reason}" for path, reason in faults))


def _currency(code: str | None) -> str | None:
    if code is not None and not re.fullmatch(r"[A-Za-z]{3}", code):
        raise InvalidInput(f"--currency {code!r}: write an ISO 4217 code such as CNY or USD")
    return code.upper() if code else None


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(f"there is no time zone {name!r}; write Asia/Shanghai or Europe/Berlin") from None


def _with_file(options: MapOptions) -> MapOptions:
    """The mapping file's words, then the command line's, which win."""
    if options.file is None:
        return options
    try:
        said = tomllib.loads(options.read(str(options.file)))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"--mapping: can't read {options.file}: {error}") from None
    known = {"map", "set", "attributes", "group_by", "id", "currency", "timezone"}
    if unknown := sorted(set(said) - known):
        raise InvalidInput(f"--mapping: {', '.join(unknown)} is not known; there is {', '.join(sorted(known))}")
    attributes = said.get("attributes", [])
    maps = {**{path: str(column) for path, column in said.get("map", {}).items()}, **dict(options.maps)}
    sets: dict[str, Any] = {**said.get("set", {}), **dict(options.sets)}
    return MapOptions(
        maps=tuple(maps.items()),
        sets=tuple(sets.items()),
        attributes=options.attributes or tuple([attributes] if isinstance(attributes, str) else attributes),
        group_by=options.group_by or said.get("group_by"),
        id_column=options.id_column or said.get("id"),
        currency=options.currency or said.get("currency"),
        zone=options.zone or said.get("timezone"),
        read=options.read,
    )
