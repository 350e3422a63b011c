"""The chart's rule files, generated from the code: `python -m tests.project.rules --write`."""

from __future__ import annotations

import sys
from pathlib import Path

from storehand_worker.operation.rules import FILES
from storehand_worker.operation.rules.rendering import as_yaml

ROOT = Path(__file__).parents[2]


def pages() -> dict[Path, str]:
    """What each generated file should hold."""
    return {ROOT / "helm" / "rules" / name: as_yaml(groups) for name, groups in FILES.items()}


if __name__ == "__main__":
    for path, text in pages().items():
        if "--write" in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is not what the code says: python -m tests.project.rules --write")
