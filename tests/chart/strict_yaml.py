"""YAML as an API server reads it, and stricter: a key that stands twice is an error."""

from __future__ import annotations

import re
from typing import Any

import yaml

PLAIN = (
    (
        "tag:yaml.org,2002:bool",
        r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        "yYnNtTfFoO",
    ),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*|0[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
)
"""What a word without quotes is in Kubernetes: `1e+06` a number, `1:30` and a date words. PyYAML differs in each."""


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  # as PyYAML has it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in PLAIN:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), [letter.strip("\0") for letter in _first])
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def documents(text: str) -> list[dict[str, Any]]:
    """Those that are not empty. yaml.YAMLError where it is no YAML, AssertionError where a document is no mapping."""
    found = [each for each in yaml.load_all(text, Loader=_Loader) if each is not None]  # a safe loader
    assert all(isinstance(each, dict) for each in found), f"not an object:\n{text}"
    return found
