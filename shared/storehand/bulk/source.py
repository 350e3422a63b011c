"""Finds the reader for a file by its name and its first bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from storehand.bulk.lines import Lines, Listing, Stream
from storehand.bulk.parquet import Parquet
from storehand.bulk.rows import Row
from storehand.bulk.tables import Table
from storehand.bulk.text import checked_encoding, detect_encoding, open_bytes
from storehand.errors import InvalidInput

_TABLES = (".csv", ".tsv", ".txt", ".tab")
_SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


class Source(Protocol):
    """Rows of one file, as often as asked (stdin: once), each time from the beginning."""

    kind: str
    encoding: str

    @property
    def columns(self) -> tuple[str, ...]: ...

    def rows(self) -> Iterator[Row]: ...

    def count(self) -> int | None:
        """How many rows there are; none where only reading would tell."""
        ...


def open_source(name: str, *, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """`-` is JSON Lines from stdin. InvalidInput says what is wrong with a file and what to do."""
    if name == "-":
        return Stream(sys.stdin)
    path = Path(name).expanduser()
    ending = next((each for each in reversed(path.suffixes) if each.lower() not in (".gz", ".gzip")), "").lower()
    with open_bytes(path) as file:
        start = file.read(8)
    if ending in _SHEETS or start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        advice = "in the spreadsheet: save as CSV UTF-8, then give that file / 请另存为 CSV UTF-8"
        raise InvalidInput(f"{path.name} is a spreadsheet, which is not read", details={"advice": advice})
    if ending == ".parquet" or start.startswith(b"PAR1"):
        return Parquet(path)
    found = checked_encoding(path, encoding) if encoding else detect_encoding(path)
    if ending in (".jsonl", ".ndjson"):
        return Lines(path, encoding=found)
    if ending == ".json":
        return Listing(path, encoding=found)
    if ending in _TABLES:
        return Table(path, encoding=found, delimiter=delimiter or ("\t" if ending in (".tsv", ".tab") else None))
    raise InvalidInput(
        f"{path.name}: the ending {ending or '(none)'} is not known",
        details={"advice": "rename it to .csv, .tsv, .jsonl, .json or .parquet (also with .gz)"},
    )
