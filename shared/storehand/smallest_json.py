"""The smallest JSON of a schema, for stand-ins of models: same schema, same answer, no model asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from storehand.errors import InvalidInput

DEEPEST = 32
_KNOWN = {
    "type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "$ref", "minItems", "minLength",
    "minimum", "exclusiveMinimum",
}  # fmt: skip
_HARMLESS = {
    "title", "description", "default", "examples", "deprecated", "$defs", "definitions", "$schema", "$id", "$comment",
    "additionalProperties", "maxItems", "maxLength", "maximum", "exclusiveMaximum", "discriminator",
}  # fmt: skip
"""What the smallest value respects by being small."""


def smallest_json(schema: Mapping[str, Any]) -> str:
    """As few characters as the schema allows, or nearly; InvalidInput for what only a grammar can follow (pattern,
    format, allOf ...). Names and enumerated values come as the schema has them, Chinese included."""
    return json.dumps(_value(schema, schema, 0), ensure_ascii=False, separators=(",", ":"))


def _value(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth > DEEPEST:
        raise InvalidInput(f"json_schema nests deeper than the {DEEPEST} levels a model's stand-in follows")
    if schema is True:
        return None
    if not isinstance(schema, Mapping):
        raise InvalidInput("json_schema allows no value")
    unknown = sorted(set(schema) - _KNOWN - _HARMLESS)
    if unknown:
        raise InvalidInput(f"json_schema uses {', '.join(unknown)}, which a model's stand-in can't follow")
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return min(schema["enum"], key=lambda each: len(json.dumps(each, ensure_ascii=False)))
    if "$ref" in schema:
        return _value(_at(schema["$ref"], root), root, depth + 1)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _smallest_of(schema[several], root, depth)
    return _of_type(schema, root, depth)


def _smallest_of(schemas: Any, root: Mapping[str, Any], depth: int) -> Any:
    """Null first: an optional part that repeats the whole would never end."""
    if {"type": "null"} in schemas:
        return None
    values = [_value(each, root, depth + 1) for each in schemas]
    return min(values, key=lambda value: len(json.dumps(value, ensure_ascii=False)))


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "object":
            properties = schema.get("properties", {})
            wanted = [name for name in properties if name in schema.get("required", ())]
            return {name: _value(properties[name], root, depth + 1) for name in wanted}
        case "array":
            return [_value(schema.get("items", True), root, depth + 1)] * schema.get("minItems", 0)
        case "string":
            return "x" * schema.get("minLength", 0)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
    raise InvalidInput(f"json_schema has the unknown type {kind!r}")


def _number(schema: Mapping[str, Any]) -> int:
    """The whole number inside the limits that is next to zero."""
    least, most = schema.get("minimum"), schema.get("maximum")
    lows = [] if least is None else [math.ceil(least)]
    highs = [] if most is None else [math.floor(most)]
    if "exclusiveMinimum" in schema:
        lows.append(math.floor(schema["exclusiveMinimum"]) + 1)
    if "exclusiveMaximum" in schema:
        highs.append(math.ceil(schema["exclusiveMaximum"]) - 1)
    if lows and highs and max(lows) > min(highs):
        raise InvalidInput("json_schema has limits with no whole number between them")
    return min(max([0, *lows]), *highs) if highs else max([0, *lows])


def _at(reference: Any, root: Mapping[str, Any]) -> Any:
    """What a reference inside the schema points at."""
    found: Any = root
    for name in str(reference).removeprefix("#").split("/")[1:]:
        if not isinstance(found, Mapping) or name not in found:
            raise InvalidInput(f"json_schema refers to {reference!r}, which it does not have")
        found = found[name]
    return found
