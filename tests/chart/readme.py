"""helm/README.md and helm/values.schema.json, made from helm/values.yaml and helm/README.md.in:
`python -m tests.chart.readme --write`; without the option it says what is out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.chart.schema import SCHEMA_FILE, make_schema
from tests.chart.values_file import HELM, Key, read_keys

README = HELM / "README.md"
WORDS = HELM / "README.md.in"
PLACE = "{{ values }}"
LONG = 60
"""A default with more characters is to be looked up in values.yaml."""


def made() -> dict[Path, str]:
    """File -> what it should hold."""
    keys = read_keys()
    return {
        README: WORDS.read_text(encoding="utf-8").replace(PLACE, _tables(keys)),
        SCHEMA_FILE: make_schema(keys),
    }


def outdated() -> list[str]:
    return [path.name for path, text in made().items() if not path.is_file() or path.read_text("utf-8") != text]


def _tables(keys: Iterable[Key]) -> str:
    in_chapters = sorted(keys, key=lambda key: _chapter(key) != "")  # what stands alone comes first
    return "\n".join(_table(name, list(group)) for name, group in groupby(in_chapters, key=_chapter))


def _chapter(key: Key) -> str:
    return key.path[0] if len(key.path) > 1 else ""


def _table(chapter: str, keys: list[Key]) -> str:
    title = [f"### `{chapter}`", ""] if chapter else []
    rows = [f"| `{key.name}` | {_default(key)} | {key.sentence.replace('|', chr(92) + '|')} |" for key in keys]
    return "\n".join([*title, "| value | default | what it is |", "|---|---|---|", *rows, ""])


def _default(key: Key) -> str:
    if key.default is None or key.default == "":
        return ""
    text = json.dumps(key.default, ensure_ascii=False) if not isinstance(key.default, str) else key.default
    return f"`{text}`" if len(text) <= LONG else "see values.yaml"


def main(arguments: list[str]) -> int:
    if "--write" in arguments:
        for path, text in made().items():
            path.write_text(text, encoding="utf-8")
        return 0
    old = outdated()
    if old:
        print(f"{', '.join(old)}: out of date; python -m tests.chart.readme --write")
    return int(bool(old))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
