"""The page of all tasks with an example in both languages: `python -m tests.project.tasks --write`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from storehand.contracts import INPUTS
from storehand.settings import Settings
from storehand.task import Task
from storehand.testing import FakeContext, local_models
from storehand_worker.loader import load_plugins

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"

_PAGE = """# The five tasks

Each task takes a typed input and gives a typed output. Below is one example per task and language: what is sent (fields
that have a default may be left out), and what the bundled starter models answered, unedited. Regenerate the page with
`python -m tests.project.tasks --write`. The JSON Schemas lie in [schemas/](schemas); `storehand schema TASK` and
`storehand schema TASK --output` print them.

What all answers carry: `checks` (each with `rule`, `severity`, `field`, `start`, `end`, `text`, `basis` and perhaps a
`suggestion`), `provenance` (which model and plugin wrote it, and how), `usage` (tokens and seconds).

## What version 1 promises

A caller of yesterday goes on working with a worker of today, as long as both say `schemaVersion` 1:

- **What was accepted is accepted.** Inputs may gain optional fields and choices, limits may widen. Nothing becomes
  required, nothing vanishes, unknown fields are refused.
- **What was read can be read.** Outputs may gain fields, which older clients leave out. Nothing vanishes or becomes
  optional, and closed lists of values (labels, actions, reasons, severities) do not grow.

`tests/project/compatibility.py` is this rule as a function; a test holds it against `tests/project/promised/`.
{tasks}"""


def _section(task: Task[Any, Any]) -> str:
    doc = " ".join((task.input_type.__doc__ or "").split())
    parts = [f"\n## {task.name}\n\n{doc}\n"]
    for title, is_wanted in (("English", str.isascii), ("中文", _is_chinese)):
        example = next(each for each in task.examples if is_wanted(_dumped(each.model_dump(mode="json"))))
        answer = task.run(example, local_models([task]), FakeContext())
        given = example.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        parts.append(
            f"\n### {title}\n\n```json\n{_dumped(given)}\n```\n\n```json\n{_dumped(answer.to_json_dict())}\n```\n"
        )
    return "".join(parts)


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def _dumped(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def main() -> None:
    tasks = load_plugins(Settings(plugins=sorted(INPUTS))).tasks
    page = _PAGE.format(tasks="".join(_section(tasks[name]) for name in sorted(tasks)))
    if "--write" in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
