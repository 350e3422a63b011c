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

_BOUNDS = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern")


def _plain_settings() -> Schema:
    """What a number, a text or a switch may be; what is made of parts is left to the worker's own check."""
    found: Schema = {}
    for name, field in Settings.model_json_schema()["properties"].items():
        bounds = {key: field[key] for key in _BOUNDS if key in field}
        if bounds.get("type") in ("boolean", "integer", "number", "string"):
            named = bounds.get("enum")
            found[name] = {"enum": [*named, None]} if named else {**bounds, "type": [bounds["type"], "null"]}
    return found


_NAMES: dict[str, Schema] = {
    "settings": {"propertyNames": {"enum": sorted(Settings.model_fields)}, "properties": _plain_settings()},
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
    for name, chapter in root["properties"].items():
        if _is_chapter(chapter) and name != "poolDefaults":
            root["properties"][name] = _merged(chapter, _whole(chapter))
    root["required"] = _whole(root)["required"]
    pool = {"$ref": "#/definitions/pool"}
    root["properties"]["pools"] |= {"propertyNames": {"pattern": POOL_NAME}, "additionalProperties": pool}
    root["properties"]["global"] = {"type": "object", "description": "Values that a parent chart hands down; not used."}
    defaults = root["properties"].pop("poolDefaults")
    root["properties"]["poolDefaults"] = {"allOf": [pool, _whole(defaults)]}
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


def _is_chapter(schema: Schema) -> bool:
    return "description" not in schema


def _whole(chapter: Schema) -> Schema:
    """What must be left of a chapter's defaults: a null takes a default away, and the templates would fall over it.
    Maps may go, and what may be null."""
    chapters = {name: each for name, each in chapter["properties"].items() if _is_chapter(each)}
    kept = [name for name, each in chapter["properties"].items() if name in chapters or _is_needed(each)]
    parts = {name: _whole(each) for name, each in chapters.items()}
    return {"type": "object", "required": sorted(kept), **({"properties": parts} if parts else {})}


def _is_needed(schema: Schema) -> bool:
    kinds = schema.get("type", "string")
    return not {"object", "null"} & {*([kinds] if isinstance(kinds, str) else kinds)}


def _merged(chapter: Schema, whole: Schema) -> Schema:
    properties = {
        name: _merged(each, whole["properties"][name]) if _is_chapter(each) else each
        for name, each in chapter["properties"].items()
    }
    return {**chapter, "required": whole["required"], "properties": properties}


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
