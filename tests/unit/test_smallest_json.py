"""What a model's stand-in says to a JSON schema: valid, small, the same every time."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from storehand.errors import InvalidInput
from storehand.smallest_json import smallest_json


class Part(BaseModel):
    label: Literal["轻便", "soft"]
    next: Part | None


class Product(BaseModel):
    name: str = Field(min_length=2, max_length=9)
    price: float = Field(gt=0, le=10)
    stock: int = Field(ge=-5, lt=-1)
    parts: list[Part] = Field(min_length=2)
    is_new: bool
    note: str = ""


def test_the_answer_is_valid_for_the_schema_and_leaves_out_what_may_be_left_out() -> None:
    text = smallest_json(Product.model_json_schema())

    assert Product.model_validate_json(text).parts == [Part(label="轻便", next=None)] * 2
    assert json.loads(text)["price"] == 1
    assert json.loads(text)["stock"] == -2
    assert "note" not in json.loads(text)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"enum": ["longer", 7]}, "7"),
        ({"const": "好"}, '"好"'),
        ({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 100}]}, '""'),
        ({"type": ["string", "null"]}, '""'),
        ({"type": "object"}, "{}"),
        ({}, "null"),
    ],
    ids=str,
)
def test_the_smallest_value_is_taken(schema: dict[str, Any], text: str) -> None:
    assert smallest_json(schema) == text


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "string", "pattern": "a"}, "pattern"),
        ({"type": "colour"}, "colour"),
        ({"$ref": "#/$defs/None"}, "does not have"),
        ({"$ref": "#"}, "deeper"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no whole number"),
        ({"properties": {"a": False}, "required": ["a"]}, "no value"),
    ],
    ids=str,
)
def test_what_only_a_grammar_can_follow_is_refused_by_name(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        smallest_json(schema)
