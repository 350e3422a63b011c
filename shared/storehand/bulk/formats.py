"""What a row's answer looks like in the output: an answer line, the shop's own row with texts, or a Merchant row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from storehand.bulk import cells
from storehand.bulk.texts import texts_of
from storehand.bulk.unit import Unit
from storehand.job import Outcome

Format = Literal["answers", "merged", "csv", "merchant"]
FORMATS: tuple[Format, ...] = ("answers", "merged", "csv", "merchant")
TITLE_MAX, DESCRIPTION_MAX = 150, 5000
"""Characters of Merchant Center's title and description."""

ROWS = "storehand_rows"
_FIGURES = ("attribute_coverage", "review")
_FORMULA = ("=", "+", "@", "\t", "\r")


class Form(Protocol):
    """`head` is the output's first line, empty where there is none; `line` one row's whole lines."""

    @property
    def head(self) -> str: ...

    def line(self, unit: Unit, job_id: str, outcome: Outcome) -> str: ...

    def kept(self, cells: Mapping[str, Any]) -> str:
        """The line of a row that needs no answer."""
        ...


@dataclass(frozen=True, slots=True)
class Grouping:
    """How a line of several rows begins: the column they share, the columns of the job itself, and their number."""

    column: str
    own: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.own, ROWS)

    def row(self, unit: Unit) -> dict[str, Any]:
        own = {name: unit.cells.get(name) for name in self.own}
        return {self.column: unit.id, **own, ROWS: unit.rows}


class Answers:
    head = ""

    def kept(self, cells: Mapping[str, Any]) -> str:
        return ""

    def line(self, unit: Unit, job_id: str, outcome: Outcome) -> str:
        found: dict[str, Any] = {"row": unit.row, "id": unit.id, "job": job_id, "status": str(outcome.status)}
        if unit.rows > 1:
            found["rows"] = unit.rows
        if outcome.error is not None:
            found["error"] = asdict(outcome.error)
        else:
            found["output"] = outcome.output
        return _json_line(found)


@dataclass(frozen=True, slots=True)
class Filling:
    """Which column a text goes into. `only_empty`: what a column holds already stays, and other texts are left out;
    `hidden` ones always are."""

    task: str
    columns: Mapping[str, str] = field(default_factory=dict)
    only_empty: bool = False
    hidden: frozenset[str] = frozenset()

    def column(self, name: str) -> str | None:
        """Where a text goes; none for one that was not asked for."""
        if name in self.columns:
            return self.columns[name]
        if name in self.hidden:
            return None
        return None if self.only_empty and name not in _FIGURES else f"storehand_{name}"

    def into(self, row: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
        filled = dict(row)
        if outcome.output is None:
            filled["storehand_error"] = reason_of(outcome)
            return filled
        for name, value in texts_of(self.task, outcome.output).items():
            column = self.column(name)
            if column is None:
                continue
            if not self.only_empty or cells.is_empty(filled.get(column)):
                filled[column] = value
        return filled


@dataclass(frozen=True, slots=True)
class Merged:
    """The input row as JSON with the texts in its columns."""

    filling: Filling
    grouping: Grouping | None = None
    head = ""

    def line(self, unit: Unit, job_id: str, outcome: Outcome) -> str:
        row = self.grouping.row(unit) if self.grouping else unit.cells
        return _json_line(self.filling.into(row, outcome))

    def kept(self, cells: Mapping[str, Any]) -> str:
        return _json_line(cells)


class Sheet:
    """The input row as CSV with the texts in its columns."""

    def __init__(
        self, filling: Filling, columns: Sequence[str], texts: Sequence[str], *,
        grouping: Grouping | None = None, delimiter: str, bom: bool,
    ) -> None:  # fmt: skip
        named = [column for column in map(filling.column, texts) if column is not None]
        self._columns = list(dict.fromkeys([*(grouping.columns if grouping else columns), *named, "storehand_error"]))
        self._texts = {*named}
        self._filling = filling
        self._grouping = grouping
        self._delimiter = delimiter
        self._bom = bom

    @property
    def head(self) -> str:
        """With a mark at the beginning where the input had one: without it a spreadsheet misreads Chinese."""
        return ("\ufeff" if self._bom else "") + self._written(self._columns)

    def line(self, unit: Unit, job_id: str, outcome: Outcome) -> str:
        row = self._grouping.row(unit) if self._grouping else unit.cells
        filled = self._filling.into(row, outcome)
        return self._written([self._cell(name, filled.get(name)) for name in self._columns])

    def kept(self, cells: Mapping[str, Any]) -> str:
        return self._written([_plain_cell(cells.get(name)) for name in self._columns])

    def _cell(self, name: str, value: Any) -> Any:
        if name in self._texts and isinstance(value, str) and value.startswith(_FORMULA):
            return "'" + value  # a spreadsheet would run it
        return _plain_cell(value)

    def _written(self, row: Sequence[Any]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerow(row)
        return text.getvalue()


class Merchant:
    """Merchant Center's structured title and description, which say that a machine wrote them. As a table with
    `delimiter`, else as JSON. Rows without an answer are left out."""

    def __init__(self, delimiter: str | None) -> None:
        self._delimiter = delimiter

    @property
    def head(self) -> str:
        return self._table(["id", "structured_title", "structured_description"]) if self._delimiter else ""

    def line(self, unit: Unit, job_id: str, outcome: Outcome) -> str:
        if outcome.output is None:
            return ""
        texts = texts_of("description", outcome.output)
        source = (outcome.output.get("provenance") or {}).get("digitalSourceType", "trained_algorithmic_media")
        own_id = unit.id or str(unit.row)
        title = shortened(texts.get("title", ""), TITLE_MAX)
        description = shortened(texts.get("description", ""), DESCRIPTION_MAX)
        if self._delimiter:
            return self._table([own_id, _structured(source, title), _structured(source, description)])
        named = {"structured_title": title, "structured_description": description}
        found = {name: {"digital_source_type": source, "content": text} for name, text in named.items()}
        return _json_line({"id": own_id, **found})

    def kept(self, cells: Mapping[str, Any]) -> str:
        return ""  # a person's text must not be marked as a machine's

    def _table(self, row: Sequence[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter or "\t", lineterminator="\n").writerow(row)
        return text.getvalue()


def shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words where there are some."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most // 2 else cut).rstrip(" ,;，；、") + "…"


def _structured(source: str, text: str) -> str:
    """The form of a text feed: source, colon, the text in quotes."""
    quoted = text.replace('"', '""')
    return f'{source}:"{quoted}"'


def reason_of(outcome: Outcome) -> str:
    """Code and message of a failure on one line."""
    message = " ".join(outcome.error.message.split()) if outcome.error else ""
    return f"{outcome.code}: {message}" if message else outcome.code


def _plain_cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value


def _json_line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(", ", ": "), default=str) + "\n"
