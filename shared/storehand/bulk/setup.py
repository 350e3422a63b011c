"""Puts a run's parts together from what the user asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storehand.bulk.cells import folded
from storehand.bulk.contract import Contract
from storehand.bulk.formats import Answers, Filling, Form, Format, Grouping, Merchant, Merged, Sheet
from storehand.bulk.mapper import MapOptions, make_mapping
from storehand.bulk.mapping import Constant, Mapping
from storehand.bulk.names import OUTPUT
from storehand.bulk.plan import Plan
from storehand.bulk.shape import shape_of
from storehand.bulk.source import Source
from storehand.bulk.texts import FIELDS, GROUPED, columns_of
from storehand.errors import InvalidInput

_TABLES = (".csv", ".tsv", ".tab")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one command asks for, besides the columns' mapping. `writes` are (text, column) as written."""

    output: Path | None = None
    format: Format | None = None
    writes: tuple[tuple[str, str], ...] = ()
    fill_empty: tuple[str, ...] = ()
    changes_only: bool = False
    limit: int | None = None
    seed: int = 0
    map: MapOptions = field(default_factory=MapOptions)


@dataclass(frozen=True, slots=True)
class Setup:
    plan: Plan
    form: Form
    format: Format
    columns: dict[str, str]
    """Text of the answer -> column it is written into."""


def prepare(contract: Contract, source: Source, wish: Wish) -> Setup:
    """InvalidInput for wishes that contradict the file, the task or each other."""
    form_name = _format(contract.task, wish)
    mapping = make_mapping(contract, shape_of(contract.task), source.columns, wish.map)
    columns = {**{name: _output_column(name, source, mapping) for name in wish.fill_empty}, **dict(wish.writes)}
    _refuse_unknown_texts(contract, columns)
    _ask_for_fields(contract, mapping, columns)
    fill = tuple(columns[name] for name in wish.fill_empty)
    keeps = form_name in ("merged", "csv") and not wish.changes_only
    plan = Plan(
        source, contract, mapping, limit=wish.limit, fill_empty=fill, keeps_filled=keeps, seed=wish.seed
    )  # fmt: skip
    grouping = _grouping(mapping)
    settled = {each.target.path: each.value for each in mapping.constants}
    texts = columns_of(contract.task, settled, is_grouped=grouping is not None)
    hidden = frozenset(() if grouping else GROUPED.get(contract.task, ())) - {*texts, *columns}
    filling = Filling(contract.task, columns, only_empty=bool(wish.fill_empty), hidden=hidden)
    return Setup(plan, _form(form_name, filling, source, wish, texts, grouping), form_name, columns)


def fingerprint(task: str, source_name: str, wish: Wish, form_name: Format) -> dict[str, Any]:
    """What may not change between the runs that write one output. How fast, how far and where from may."""
    options = wish.map
    return {
        "task": task,
        "input": Path(source_name).name,
        "--format": form_name,
        "--map": sorted(options.maps),
        "--set": sorted((path, _content(value, options)) for path, value in options.sets),
        "--attributes": sorted(options.attributes),
        "--mapping": _content(f"@{options.file}", options) if options.file else None,
        "--group-by": options.group_by,
        "--id": options.id_column,
        "--currency": options.currency,
        "--timezone": options.zone,
        "--write": sorted(wish.writes),
        "--only-fill-empty": sorted(wish.fill_empty),
        "--changes-only": wish.changes_only or None,
        "--seed": wish.seed,
    }


def _content(value: str, options: MapOptions) -> str:
    """A file's words count, not its name."""
    if not value.startswith("@"):
        return value
    try:
        return options.read(value[1:])
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"can't read {value[1:]}: {error}") from None


def _format(task: str, wish: Wish) -> Format:
    ending = wish.output.suffix.lower() if wish.output else ""
    if ending in (".gz", ".zip", ".xlsx", ".parquet"):
        raise InvalidInput(
            f"answers are written as they come, which {ending} does not allow",
            details={"advice": "choose -o NAME.jsonl or -o NAME.csv, and convert it afterwards"},
        )
    chosen: Format = wish.format or ("csv" if ending in _TABLES else "answers")
    if chosen == "merchant" and task != "description":
        raise InvalidInput(f"--format merchant is for description; {task} has no title and description")
    return chosen


def _form(
    name: Format, filling: Filling, source: Source, wish: Wish, texts: tuple[str, ...], grouping: Grouping | None
) -> Form:
    ending = wish.output.suffix.lower() if wish.output else ""
    delimiter = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}.get(ending)
    if name == "answers":
        return Answers()
    if name == "merged":
        return Merged(filling, grouping)
    if name == "merchant":
        return Merchant(delimiter)
    named = list(dict.fromkeys([*texts, *filling.columns]))
    bom = source.encoding in ("utf-8-sig", "utf-16", "gb18030")
    return Sheet(
        filling, source.columns, named, grouping=grouping, delimiter=delimiter or ",", bom=bom
    )  # fmt: skip


def _grouping(mapping: Mapping) -> Grouping | None:
    """A group's line has the columns that say something about the whole job, such as the product's name."""
    if mapping.group_column is None:
        return None
    item = mapping.shape.item
    own = [
        each.column
        for each in mapping.bound
        if each.target.path.split(".")[0] != item or each.target.path == "messages.content"  # the last question
    ]
    kept = dict.fromkeys(name for name in own if name and name != mapping.group_column)
    return Grouping(mapping.group_column, tuple(kept))


def _output_column(name: str, source: Source, mapping: Any) -> str:
    """The catalogue's own column for a text, or a new one with the text's name."""
    wanted = {folded(each) for each in OUTPUT.get(name, (name,))}
    bound = mapping.columns_for("product.description") if name == "description" else []
    found = [column for column in source.columns if folded(column) in wanted]
    return next(iter((*bound, *found)), name)


def _refuse_unknown_texts(contract: Contract, columns: dict[str, str]) -> None:
    known = {*FIELDS.get(contract.task, ()), *(OUTPUT if contract.task == "description" else ())}
    unknown = sorted(set(columns) - known) if known else []
    if unknown:
        raise InvalidInput(f"{contract.task} writes no {', '.join(unknown)}; it writes {', '.join(sorted(known))}")


def _ask_for_fields(contract: Contract, mapping: Any, columns: dict[str, str]) -> None:
    """A description's parts are written when `fields` asks for them: columns to fill ask."""
    parts = [name for name in columns if name in OUTPUT]
    asked = any(each.target.path == "fields" for each in (*mapping.constants, *mapping.bound))
    if contract.task == "description" and parts and not asked:
        fields = list(dict.fromkeys(("title", "description", *parts)))
        mapping.constants.append(Constant(contract.resolve("fields"), fields))
