"""Rows of CSV, JSON Lines and Parquet files, plain or gzipped, as dictionaries of text."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from storehand.errors import InvalidInput

Row = Mapping[str, Any]


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number and row, one by one; InvalidInput where the file can't be read at all."""
    if not path.is_file():
        raise InvalidInput(f"{path} is no file")
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from _parquet(path)
    elif name.endswith((".jsonl", ".ndjson")):
        yield from _json_lines(path)
    elif name.endswith((".csv", ".tsv")):
        yield from _csv(path, "\t" if name.endswith(".tsv") else None)
    else:
        raise InvalidInput(f"{path.name}: known are .csv, .tsv, .jsonl, .ndjson and .parquet, the texts also as .gz")


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _csv(path: Path, delimiter: str | None) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(1 << 24)
    try:
        with _open(path) as lines:
            head = lines.readline()
            columns = next(csv.reader([head], delimiter=delimiter or _delimiter(head)), [])
            if not columns:
                raise InvalidInput(f"{path.name} is empty")
            reader = csv.DictReader(lines, columns, delimiter=delimiter or _delimiter(head))
            for row in reader:
                yield reader.line_num + 1, row
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InvalidInput(f"{path.name} can't be read as UTF-8 CSV: {error}") from error


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _json_lines(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _object(line)
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidInput(f"{path.name} can't be read as UTF-8 text: {error}") from error


def _object(line: str) -> Row:
    """An empty row for what is no JSON object: it is counted as bad like any other row that lacks its fields."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise InvalidInput("Parquet needs the extra storehand[files]") from error
    try:
        file = parquet.ParquetFile(path)
    except (ArrowInvalid, OSError) as error:
        raise InvalidInput(f"{path.name} can't be read as Parquet: {error}") from error
    number = 0
    for batch in file.iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            number += 1
            yield number, row
