"""What a JSON schema means here: objects have the properties it names, and no others unless it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from storehand.errors import InvalidInput

LONGEST = 262_144
"""Characters of a schema; a generated one has some thousands."""
_NAMED = ("properties", "patternProperties", "$defs", "definitions")
_LISTED = ("prefixItems", "anyOf", "oneOf", "allOf")
_SINGLE = ("items", "additionalProperties")
_MERGED = ("allOf", "anyOf", "oneOf", "$ref")


def as_text(schema: Mapping[str, Any]) -> str:
    """The closed schema as JSON; InvalidInput where it is none. The order of properties is kept: it is that of the
    answer."""
    try:
        text = json.dumps(closed(schema), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"json_schema is no JSON: {error}") from error
    if len(text) > LONGEST:
        raise InvalidInput(f"json_schema has {len(text)} characters; at most {LONGEST} are served")
    return text


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` wherever properties are named and it says nothing of others: a
    model that may add what it likes, does. A schema that merges objects (allOf) is left as it is, because each part
    would forbid what the others name."""
    return schema if _merges(schema) else _close(schema)


def _merges(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    several = schema.get("allOf")
    if isinstance(several, list | tuple) and len(several) > 1:
        return True
    return ("properties" in schema and any(name in schema for name in _MERGED)) or any(map(_merges, _parts(schema)))


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas inside; what is data (enum, const, default, examples) is none."""
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, Mapping):
            yield from value.values()
        elif name in _LISTED and isinstance(value, list | tuple):
            yield from value
        elif name in _SINGLE:
            yield value


def _close(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, Mapping):
            made[name] = {key: _close(part) for key, part in value.items()}
        elif name in _LISTED and isinstance(value, list | tuple):
            made[name] = [_close(part) for part in value]
        else:
            made[name] = _close(value) if name in _SINGLE else value
    if "properties" in schema and "patternProperties" not in schema:
        made.setdefault("additionalProperties", False)
    return made
