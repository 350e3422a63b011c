"""Reads CSV and its cousins: delimiter found, quotes and line breaks in cells kept, one row in memory at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from storehand.bulk.rows import Problem, Row
from storehand.bulk.text import open_text
from storehand.errors import InvalidInput

DELIMITERS = ",;\t|"
FIELD_MAX = 4 << 20
"""Characters of one cell. A quote that is opened and never closed would read the rest of the file into memory."""

_SNIFFED_LINES = 20


class Table:
    """A CSV file with a header. `columns` are the header's names in order; a repeated name gets a number, columns
    without a name are left out."""

    kind = "csv"

    def __init__(self, path: Path, *, encoding: str, delimiter: str | None = None) -> None:
        self.path = path
        self.encoding = encoding
        self.delimiter = delimiter or _sniff(path, encoding)
        csv.field_size_limit(FIELD_MAX)
        head = next(self._cells(), None)
        if head is None or not any(name.strip() for name in head[1]):
            raise InvalidInput(f"{path.name} is empty: the first row must name the columns")
        self._names = _named(head[1])
        self.columns = tuple(name for name in self._names if name)

    def rows(self) -> Iterator[Row]:
        cells = self._cells()
        next(cells)
        number = 0
        for line, row in cells:
            if not any(cell.strip() for cell in row):
                continue
            number += 1
            yield self._row(number, line, row)

    def count(self) -> int:
        return sum(1 for _ in self.rows())

    def _row(self, number: int, line: int, row: list[str]) -> Row:
        if len(row) > len(self._names) and any(cell.strip() for cell in row[len(self._names) :]):
            reason = f"has {len(row)} cells, the header {len(self._names)}"
            return Row(number, {}, line, Problem(reason, "put cells that hold the delimiter or a line break in quotes"))
        pairs = zip(self._names, row, strict=False)  # spreadsheets leave empty cells at the end out
        return Row(number, {name: cell for name, cell in pairs if name}, line)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """Line number of each row's beginning, and its cells."""
        with open_text(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            line = 1
            try:
                for row in reader:
                    yield line, row
                    line = reader.line_num + 1
            except csv.Error as error:
                told = "a quote is opened there and never closed" if "field limit" in str(error) else str(error)
                raise InvalidInput(f"{self.path.name}, line {line}: {told}") from None
            except (OSError, EOFError, UnicodeDecodeError) as error:
                raise InvalidInput(f"can't read {self.path.name} from line {line} on: {error}") from None


def _sniff(path: Path, encoding: str) -> str:
    """The sign that cuts the header into most columns, if the next lines agree."""
    with open_text(path, encoding) as file:
        lines = [line for line in (file.readline(1 << 16) for _ in range(_SNIFFED_LINES)) if line.strip()]
    if not lines:
        return ","

    def cut(sign: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign)]
        return (sum(width == widths[0] for width in widths) if widths[0] > 1 else 0, widths[0])

    return max(DELIMITERS, key=lambda sign: (cut(sign)[0] > 0, *reversed(cut(sign))))


def _named(head: list[str]) -> list[str]:
    names: list[str] = []
    for raw in head:
        name = raw.strip().lstrip("\ufeff")
        again = 2
        unique = name
        while name and unique in names:
            unique, again = f"{name}.{again}", again + 1
        names.append(unique)
    return names
