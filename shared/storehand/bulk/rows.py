"""What the readers hand on: one row of a file, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a row. `path` is the contract's, `column` the file's, where they are known."""

    reason: str
    advice: str
    path: str = ""
    column: str = ""

    def __str__(self) -> str:
        where = " → ".join(part for part in (self.column and f"column {self.column!r}", self.path) if part)
        return f"{where}: {self.reason}" if where else self.reason


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts from 1 without the header; `line` is where an editor shows it. A row that could not be
    read has a problem in place of cells."""

    number: int
    cells: Mapping[str, Any]
    line: int | None = None
    problem: Problem | None = None
