"""Reads JSON Lines and JSON lists, one object in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from storehand.bulk.rows import Problem, Row
from storehand.bulk.text import open_text
from storehand.errors import InvalidInput

SAMPLE = 200
"""Rows whose keys become the columns."""

_CHUNK = 1 << 20
_LIST_KEYS = ("@graph", "itemListElement", "products", "items", "data", "rows", "reviews", "events", "messages")


class Lines:
    """JSON Lines. A line that is no JSON object is a bad row and stops nothing."""

    kind = "jsonl"

    def __init__(self, path: Path, *, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self.columns = columns_of(self.rows())

    def rows(self) -> Iterator[Row]:
        with open_text(self.path, self.encoding) as file:
            try:
                yield from rows_of_lines(file)
            except (OSError, EOFError, UnicodeDecodeError) as error:
                raise InvalidInput(f"can't read {self.path.name}: {error}") from None

    def count(self) -> int:
        with open_text(self.path, self.encoding) as file:
            return sum(1 for line in file if line.strip())


class Stream:
    """JSON Lines from stdin: read once, so its length is not known."""

    kind = "jsonl"
    encoding = "utf-8"

    def __init__(self, lines: Iterable[str]) -> None:
        rows = rows_of_lines(lines)
        first = list(islice(rows, SAMPLE))
        self.columns = columns_of(iter(first))
        self._rows = chain(first, rows)

    def rows(self) -> Iterator[Row]:
        return self._rows

    def count(self) -> None:
        return None


class Listing:
    """A JSON file that is one list of objects, or an object with one (`{"products": [...]}`, a JSON-LD graph)."""

    kind = "json"

    def __init__(self, path: Path, *, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self.columns = columns_of(self.rows())

    def rows(self) -> Iterator[Row]:
        for number, value in enumerate(self._values(), 1):
            yield _row(number, None, value)

    def count(self) -> int:
        return sum(1 for _ in self._values())

    def _values(self) -> Iterator[Any]:
        with open_text(self.path, self.encoding) as file:
            start = file.read(_CHUNK)
            if start.lstrip("\ufeff \t\r\n").startswith("{"):
                yield from _listed(_whole(start + file.read(), self.path.name), self.path.name)
                return
            yield from _streamed(start, file, self.path.name)


def columns_of(rows: Iterator[Row]) -> tuple[str, ...]:
    """The keys of the first rows, in the order they come."""
    found: dict[str, None] = {}
    for row in islice(rows, SAMPLE):
        found.update(dict.fromkeys(row.cells))
    return tuple(found)


def rows_of_lines(lines: Iterable[str]) -> Iterator[Row]:
    number = 0
    for place, line in enumerate(lines, 1):
        text = line.strip().lstrip("\ufeff")
        if not text:
            continue
        number += 1
        try:
            yield _row(number, place, json.loads(text))
        except (ValueError, RecursionError) as error:
            yield Row(number, {}, place, Problem(f"is not JSON: {error}", "write one JSON object per line"))


def _row(number: int, line: int | None, value: Any) -> Row:
    if not isinstance(value, dict):
        problem = Problem(f"is {type(value).__name__}, not a JSON object", 'write {"name": "…", …}')
        return Row(number, {}, line, problem)
    return Row(number, value, line)


def _whole(text: str, name: str) -> Any:
    try:
        return json.loads(text.lstrip("\ufeff"))
    except ValueError as error:
        advice = "if it has one object per line, call it .jsonl"
        raise InvalidInput(f"{name} is not JSON: {error}", details={"advice": advice}) from None


def _listed(document: dict[str, Any], name: str) -> list[Any]:
    for key in _LIST_KEYS:
        found = document.get(key)
        if isinstance(found, list):  # schema.org ItemList wraps each element
            return [each.get("item", each) if isinstance(each, dict) else each for each in found]
    if document.get("@type") or "name" in document:
        return [document]
    raise InvalidInput(f"{name} has no list of rows: make it [{{…}}, {{…}}], or one object per line as .jsonl")


def _streamed(buffer: str, file: Any, name: str) -> Iterator[Any]:
    """The elements of a list, decoded one by one from a growing buffer."""
    decoder = json.JSONDecoder()
    buffer = buffer.lstrip("\ufeff \t\r\n")
    if not buffer.startswith("["):
        raise InvalidInput(f"{name} is neither a JSON list nor an object")
    place, is_over = 1, False
    while True:
        while place < len(buffer) and buffer[place] in " \t\r\n,":
            place += 1
        if place < len(buffer) and buffer[place] == "]":
            return
        try:
            value, end = decoder.raw_decode(buffer, place)
            if end < len(buffer) or is_over:  # a number at the end of the buffer may go on
                yield value
                place = end
                continue
        except ValueError as error:
            if is_over:
                raise InvalidInput(f"{name} is not JSON: {error}") from None
        more = file.read(max(_CHUNK, len(buffer) - place))
        is_over = not more
        buffer, place = buffer[place:] + more, 0
