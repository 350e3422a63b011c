"""A JSON schema as engines read it: objects are closed, and what is no JSON never reaches a grammar."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from storehand.errors import InvalidInput
from storehand_worker.engines.json_schema import as_text, closed


class Part(BaseModel):
    name: str


class Whole(BaseModel):
    parts: list[Part]
    properties: Part | None = None  # a field of that name is no keyword


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


def test_objects_get_only_the_properties_they_name_at_every_depth() -> None:
    schema = closed(Whole.model_json_schema())

    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Part"]["additionalProperties"] is False
    assert "additionalProperties" not in schema["properties"]


@pytest.mark.parametrize(
    "schema",
    [
        Open.model_json_schema(),
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x": {}}},
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}, {}]},
        {"enum": [{"properties": {"a": 1}}]},
        {"allOf": 3, "properties": 4, "anyOf": {"a": 1}, "$defs": [], "items": "x", "additionalProperties": True},
        {},
    ],
    ids=str,
)
def test_what_says_otherwise_or_merges_objects_is_left_as_it_is(schema: dict[str, Any]) -> None:
    assert closed(schema) == schema


def test_the_given_schema_is_not_changed_and_the_order_of_its_properties_is_kept() -> None:
    schema = {"properties": {"z": {"properties": {"y": {}}}, "a": {}}}
    before = json.dumps(schema)

    text = as_text(schema)

    assert json.dumps(schema) == before
    assert text.index('"z"') < text.index('"a"')


def test_chinese_stays_readable() -> None:
    assert "颜色" in as_text({"properties": {"颜色": {}}})


def nested(depth: int) -> dict[str, Any]:
    return {"items": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    "schema", [{"const": {1, 2}}, {"minimum": float("inf")}, nested(900), {"title": "x" * 300_000}]
)
def test_what_is_no_json_or_endless_is_invalid(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="json_schema"):
        as_text(schema)
