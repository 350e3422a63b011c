"""A task's input as bulk runs see it: which paths there are, of what kind, and whether a document fits."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from storehand.bulk.rows import Problem
from storehand.contracts import INPUTS
from storehand.contracts.base import TaskInput, TaskOutput
from storehand.errors import InvalidInput, PayloadTooLarge
from storehand.payload import check_size
from storehand.refusal import invalid_input

Kind = Literal["text", "texts", "number", "boolean", "moment", "object", "objects", "any"]


@dataclass(frozen=True, slots=True)
class Target:
    """One place in the contract. `path` is in camelCase with dots; lists on the way have no index."""

    path: str
    kind: Kind
    max_chars: int | None = None


class Contract:
    """`schema` is the JSON Schema of the task's input. Built-in tasks are checked in full, a plugin's by the names
    of its fields and those it requires: its worker has the rest."""

    def __init__(self, task: str, schema: Mapping[str, Any], *, payload_max_bytes: int) -> None:
        self.task = task
        self.is_checked_in_full = task in INPUTS
        self._schema = schema
        self._defs: Mapping[str, Any] = schema.get("$defs", {})
        self._max_bytes = payload_max_bytes
        self._input: type[TaskInput[Any]] = INPUTS[task] if task in INPUTS else _plain_input(task)

    @property
    def roots(self) -> list[str]:
        return [name for name in self._schema.get("properties", {}) if name != "schemaVersion"]

    @property
    def required(self) -> list[str]:
        return list(self._schema.get("required", ()))

    def has(self, path: str) -> bool:
        return self._walk(path) is not None

    def resolve(self, path: str) -> Target:
        """The place a dotted path means, in either spelling. InvalidInput names the nearest ones."""
        found = self._walk(path)
        if found is None:
            near = difflib.get_close_matches(_camel(path), list(self.paths()), n=3, cutoff=0.5)
            raise InvalidInput(
                f"{self.task} has no field {path!r}" + (f"; there is {', '.join(near)}" if near else ""),
                details={"task": self.task, "advice": f"`storehand schema {self.task}` prints what there is"},
            )
        return found

    def paths(self) -> Iterator[str]:
        """All dotted paths, three deep."""
        yield from self._below(self._schema, "", 3)

    def check(self, data: Mapping[str, Any]) -> tuple[TaskInput[Any] | None, list[tuple[str, str]]]:
        """The input, or (path, reason) of everything wrong with it."""
        try:
            check_size(data, self._max_bytes)
            if not self.is_checked_in_full and (found := list(self._plain_faults(data))):
                return None, found
            return self._input.model_validate(dict(data)), []
        except ValidationError as error:
            return None, [(each["path"], each["reason"]) for each in _fields(self.task, error)]
        except PayloadTooLarge as error:
            return None, [("", error.message)]
        except InvalidInput as error:
            return None, [("", error.message)]

    def _plain_faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        properties = self._schema.get("properties", {})
        for name in self.required:
            if name not in data:
                yield name, "Field required"
        for name in data:
            if name not in properties and self._schema.get("additionalProperties") is False:
                yield name, "is no field of this task"

    def _walk(self, path: str) -> Target | None:
        node: Mapping[str, Any] = self._schema
        steps = _camel(path).split(".")
        for step in steps:
            node = self._plain(node)
            if node.get("type") == "array":
                node = self._plain(node.get("items", {}))
            if step in node.get("properties", {}):
                node = node["properties"][step]
            elif isinstance(node.get("additionalProperties"), dict):
                node = node["additionalProperties"]
            else:
                return None
        return Target(".".join(steps), self._kind(node), self._plain(node).get("maxLength"))

    def _plain(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Without references and without `or null`."""
        while True:
            if "$ref" in node:
                node = self._defs[node["$ref"].rsplit("/", 1)[-1]]
            elif "anyOf" in node:
                node = next((each for each in node["anyOf"] if each.get("type") != "null"), {})
            elif "allOf" in node and len(node["allOf"]) == 1:
                node = node["allOf"][0]
            else:
                return node

    def _kind(self, node: Mapping[str, Any]) -> Kind:
        node = self._plain(node)
        kind = node.get("type")
        if kind == "array":
            items = self._plain(node.get("items", {}))
            return "texts" if items.get("type") == "string" or "enum" in items else "objects"
        if kind == "string":
            return "moment" if node.get("format") == "date-time" else "text"
        plain: dict[Any, Kind] = {
            "object": "object", "integer": "number", "number": "number", "boolean": "boolean",
        }  # fmt: skip
        return plain.get(kind, "any")

    def _below(self, node: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
        node = self._plain(node)
        if node.get("type") == "array":
            node = self._plain(node.get("items", {}))
        for name, each in node.get("properties", {}).items():
            if name == "schemaVersion":
                continue
            yield prefix + name
            if depth > 1:
                yield from self._below(each, f"{prefix}{name}.", depth - 1)


def advice(path: str, reason: str, column: str) -> str:
    """What to do about a refused field."""
    if reason == "Field required":
        return f"fill the column {column!r}" if column else f"fill it: --map {path}=COLUMN or --set {path}=VALUE"
    if found := re.search(r"at most (\d+) characters", reason):
        return f"shorten it to {found[1]} characters"
    if "currency" in reason.lower():
        return "name the currency for all rows: --currency CNY"
    if reason.startswith("Extra inputs"):
        return "the contract has no such field: leave it out, or send it as an attribute (--attributes)"
    return f"mend the cell in column {column!r}" if column else "mend the row"


def problems(faults: list[tuple[str, str]], column_of: Any) -> list[Problem]:
    """Faults in the words of the file: the column beside the contract's path."""
    found = []
    for path, reason in faults:
        column = column_of(path)
        found.append(Problem(reason, advice(re.sub(r"\.\d+", "", path), reason, column), path, column))
    return found


def _fields(task: str, error: ValidationError) -> list[dict[str, str]]:
    fields: list[dict[str, str]] = invalid_input(task, error).details["fields"]
    return fields


def _camel(path: str) -> str:
    return ".".join(to_camel(step) if "_" in step else step for step in path.strip().split("."))


def _plain_input(task: str) -> type[TaskInput[Any]]:
    """Carries a plugin's input as it is."""

    class PlainInput(TaskInput[TaskOutput], task=task):
        model_config = ConfigDict(extra="allow")

    return PlainInput
