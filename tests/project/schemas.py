"""The JSON Schemas of the built-in tasks as files: written by `make docs`, held against the code by the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from storehand.cli.schema import schemas_of
from storehand.contracts import INPUTS

ROOT = Path(__file__).parents[2]
CURRENT = ROOT / "docs" / "schemas"
"""What the code says now."""

PROMISED = Path(__file__).parent / "promised"
"""What was released as schema version 1. `make docs` never touches it; `python -m tests.project.schemas` prints how to
add what is new."""


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema of every built-in task's input and output."""
    found: dict[str, dict[str, Any]] = {}
    for task, kind in INPUTS.items():
        given, answer = schemas_of(kind, kind.output_type)
        found[f"{task}.input.json"] = given
        found[f"{task}.output.json"] = answer
    return found


def written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(written(schema), encoding="utf-8")


if __name__ == "__main__":
    import sys

    if "--promise" in sys.argv:
        write(PROMISED)  # after the compatibility test is green: from now on, this too is promised
    else:
        print("--promise: make the present schemas part of what version 1 promises (do it with a release)")
