"""The rows that make no job, in a file of their own beside the output."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from storehand.bulk.unit import Rejected


def rejected_path(output: Path) -> Path:
    return output.with_name(output.name + ".rejected.jsonl")


def described(rejected: Rejected) -> dict[str, Any]:
    """JSON-ready: which row, what is wrong in which column, what to do, and the row itself."""
    problems = [{name: value for name, value in asdict(each).items() if value} for each in rejected.problems]
    place = {} if rejected.line is None else {"line": rejected.line}
    return {"row": rejected.row, **place, "id": rejected.id, "problems": problems, "input": dict(rejected.cells)}


class Rejects:
    """Written anew by every run, because every run reads the whole file; gone where there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        path.unlink(missing_ok=True)

    def add(self, rejected: Rejected) -> None:
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
        self._file.write(json.dumps(described(rejected), ensure_ascii=False, default=str) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
