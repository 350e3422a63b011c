"""`storehand schema`: what a task takes and gives, as JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from storehand.cli.app import App, TaskSchemas
from storehand.cli.options import AsJson, load_settings
from storehand.cli.output import print_json, print_table
from storehand.contracts import INPUTS
from storehand.contracts.base import TaskInput
from storehand.errors import UnknownTask


def schemas_of(input_type: type[TaskInput[Any]], output_type: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both schemas of a task, in the spelling that travels (camelCase)."""
    given = input_type.model_json_schema(by_alias=True, mode="validation")
    return given, output_type.model_json_schema(by_alias=True, mode="serialization")


def register(app: App) -> None:
    @app.command()
    def schema(
        task: Annotated[str | None, typer.Argument(help="A task's name; without it all are listed.")] = None,
        output: Annotated[bool, typer.Option("--output", help="The answer's schema instead of the input's.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Print the JSON Schema of a task's input or output. 打印任务输入或输出的 JSON Schema。

        \b
        Examples / 示例
          storehand schema                          # the tasks of this installation / 列出任务
          storehand schema description              # what to send / 输入格式
          storehand schema sentiment --output       # what comes back / 输出格式
          storehand schema description > description.schema.json
        """
        known = _all_schemas(app)
        if task is None:
            _list(known, as_json=as_json)
            return
        if task not in known:
            raise UnknownTask(f"no task {task!r} here; there are: {', '.join(sorted(known))}")
        print_json(known[task][1 if output else 0])


def _all_schemas(app: App) -> TaskSchemas:
    """Built-in contracts, then those of installed plugins."""
    found = {name: schemas_of(kind, kind.output_type) for name, kind in INPUTS.items()}
    if app.schema_sources:
        settings = load_settings()
        for source in app.schema_sources:
            found |= source(settings)
    return found


def task_names(app: App) -> set[str]:
    """Every task that is known on this machine."""
    return set(_all_schemas(app))


def _list(known: TaskSchemas, *, as_json: bool) -> None:
    if as_json:
        print_json({name: {"input": given, "output": answer} for name, (given, answer) in sorted(known.items())})
        return
    rows = [
        (name, ", ".join(given.get("required", [])), _first_line(given), _first_line(answer))
        for name, (given, answer) in sorted(known.items())
    ]
    print_table(("task", "required", "input", "output"), rows)


def _first_line(schema: dict[str, Any]) -> str:
    return str(schema.get("description", "")).partition("\n")[0]
