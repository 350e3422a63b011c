"""helm/values.yaml as documentation: every key with its default, sentence and type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HELM = Path(__file__).parents[2] / "helm"
VALUES = HELM / "values.yaml"
SENTENCE, SCHEMA = "# -- ", "# @schema "


class Undocumented(Exception):
    """A key without a sentence."""


@dataclass(frozen=True)
class Key:
    """A value that a user sets: a scalar, a list, or a map that is documented as a whole."""

    path: tuple[str, ...]
    default: Any
    sentence: str
    schema: Mapping[str, Any]
    """What the comment adds to the type that the default has."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


def read_keys(text: str | None = None) -> list[Key]:
    """In the order of the file. A map without a sentence of its own is a chapter: its keys have theirs."""
    text = VALUES.read_text(encoding="utf-8") if text is None else text
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return list(_keys(root, (), text.splitlines()))


def _keys(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]) -> Iterator[Key]:
    for name, value in node.value:
        here = (*path, name.value)
        sentence, schema = _comment(lines, name.start_mark.line)
        if sentence:
            yield Key(here, _default(value), sentence, schema)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _keys(value, here, lines)
        else:
            raise Undocumented(f"{'.'.join(here)} has no sentence: write `{SENTENCE}...` above it")


def _default(node: yaml.Node) -> Any:
    made: Any = yaml.safe_load(yaml.serialize(node))
    return made


def _comment(lines: list[str], line: int) -> tuple[str, Mapping[str, Any]]:
    """The comment that ends right above a key. Only what follows the mark counts."""
    begin = line
    while begin and lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    sentence: list[str] = []
    schema: Mapping[str, Any] = {}
    for each in (raw.strip() for raw in lines[begin:line]):
        if each.startswith(SENTENCE):
            sentence = [each.removeprefix(SENTENCE)]
        elif each.startswith(SCHEMA):
            schema = json.loads(each.removeprefix(SCHEMA))
        elif sentence:
            sentence.append(each.removeprefix("#").strip())
    return " ".join(sentence), schema
