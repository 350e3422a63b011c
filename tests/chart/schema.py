"""helm/values.schema.json, made from helm/values.yaml: strict wherever a map's keys are known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from storehand.model_binding import ModelBinding
from storehand.settings import Settings
from tests.chart.values_file import HELM, Key, read_keys

SCHEMA_FILE = HELM / "values.schema.json"
POOL_NAME = "^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$"
"""Part of object names and a label's value."""

_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

Schema = dict[str, Any]

_NAMES: dict[str, Schema] = {
    "settings": {"propertyNames": {"enum": sorted(Settings.model_fields)}},
    "models": {
        "additionalProperties": {
            "type": ["object", "null"],
            "propertyNames": {"enum": sorted(ModelBinding.model_fields)},
        }
    },
}
"""A misspelt setting would be an environment variable that nobody reads."""


def make_schema(keys: Iterable[Key] | None = None) -> str:
    keys = read_keys() if keys is None else list(keys)
    root: Schema = _chapter()
    for key in keys:
        _place(root, key.path)[key.path[-1]] = _of(key)
    pool = {"$ref": "#/definitions/pool"}
    root["properties"]["pools"] |= {"propertyNames": {"pattern": POOL_NAME}, "additionalProperties": pool}
    root["properties"]["global"] = {"type": "object", "description": "Values that a parent chart hands down; not used."}
    defaults = root["properties"].pop("poolDefaults")
    root["properties"]["poolDefaults"] = pool
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart storehand",
        "description": "Made from values.yaml by `python -m tests.chart.readme --write`.",
        **root,
        "definitions": {"pool": {**defaults, "type": ["object", "null"]}},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _chapter() -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _place(root: Schema, path: tuple[str, ...]) -> Schema:
    """The properties that the key belongs to; chapters on the way are made."""
    properties: Schema = root["properties"]
    for name in path[:-1]:
        properties = properties.setdefault(name, _chapter())["properties"]
    return properties


def _of(key: Key) -> Schema:
    said = dict(key.schema)
    enum = said.get("enum")
    kind = said.pop("type", None) or (None if enum else _TYPES[type(key.default)])
    if kind == "object" and key.path[0] == "poolDefaults":
        kind = ["object", "null"]  # a pool can do without the map that its defaults have
    return {"description": key.sentence, **({"type": kind} if kind else {}), **said, **_NAMES.get(key.path[-1], {})}
