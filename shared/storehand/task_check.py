"""What is wrong with a task, in sentences: the plugin loader refuses by them, the contract kit tests by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError

from storehand.contracts.base import TaskInput, TaskOutput
from storehand.task import Kind, Task

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
KINDS: tuple[str, ...] = get_args(Kind)


def problems(task: object) -> list[str]:
    """Empty when the task keeps the rules that need no model; else one sentence per broken rule."""
    if not isinstance(task, Task):
        hint = ": return an instance" if isinstance(task, type) and issubclass(task, Task) else ""
        return [f"{task!r} is no Task{hint}"]
    found = [*_name(task), *_types(task)]
    return found or [*_roles(task), *_examples(task)]


def _name(task: Task[Any, Any]) -> Iterator[str]:
    name = getattr(task, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"{type(task).__name__}.name is {name!r}: lower case letters, digits, _ and - are allowed, a letter first"


def _types(task: Task[Any, Any]) -> Iterator[str]:
    given: Any = getattr(task, "input_type", None)
    answered: Any = getattr(task, "output_type", None)
    if not _is_model(given, TaskInput):
        yield f"{type(task).__name__}.input_type is {given!r}: a subclass of TaskInput is needed"
    elif given.task_name and given.task_name != task.name:
        yield f"{given.__name__} is made for the task {given.task_name!r}, not for {task.name!r}"
    if not _is_model(answered, TaskOutput):
        yield f"{type(task).__name__}.output_type is {answered!r}: a subclass of TaskOutput is needed"
    elif _is_model(given, TaskInput) and not issubclass(answered, given.output_type):
        yield f"{given.__name__} promises {given.output_type.__name__}, the task answers {answered.__name__}"


def _is_model(value: object, base: type[Any]) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _roles(task: Task[Any, Any]) -> Iterator[str]:
    for role, kind in (*task.roles.items(), *task.optional_roles.items()):
        if not isinstance(role, str) or not NAME.fullmatch(role):
            yield f"the role {role!r} is no name"
        if kind not in KINDS:
            yield f"the role {role!r} is of kind {kind!r}; there are {', '.join(KINDS)}"
    for role in task.starters.keys() - task.roles.keys() - task.optional_roles.keys():
        yield f"there is a starter for {role!r}, which is no role of this task"


def _examples(task: Task[Any, Any]) -> Iterator[str]:
    for number, example in enumerate(task.examples, start=1):
        if not isinstance(example, task.input_type):
            yield f"example {number} is no {task.input_type.__name__}"
            continue
        try:
            again = task.input_type.model_validate_json(example.model_dump_json(by_alias=True))
        except ValidationError as error:
            yield f"example {number} does not survive JSON: {error.errors()[0]['msg']}"
            continue
        if again != example:
            yield f"example {number} comes back from JSON as something else"
