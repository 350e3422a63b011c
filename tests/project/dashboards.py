"""Writes what the chart ships of our dashboards: `python -m tests.project.dashboards --write`."""

from __future__ import annotations

import sys
from pathlib import Path

from storehand_worker.operation.dashboards import DASHBOARDS

FOLDER = Path(__file__).parents[2] / "helm/dashboards"


def files() -> dict[Path, str]:
    """Each file as it must be."""
    return {FOLDER / f"{name}.json": build() for name, build in DASHBOARDS.items()}


def main() -> None:
    for file, text in files().items():
        if "--write" in sys.argv:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)


if __name__ == "__main__":
    main()
