"""Committed schemas are what the code says, and keep what was promised."""

from __future__ import annotations

import pytest

from tests.project.compatibility import breaks
from tests.project.schemas import CURRENT, PROMISED, read, schemas, written

NAMES = sorted(schemas())


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_schema_is_what_the_code_says(name):
    path = CURRENT / name

    assert path.is_file(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == written(schemas()[name]), "run `make docs`"


def test_no_schema_lies_there_that_no_task_has():
    assert sorted(path.name for path in CURRENT.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", sorted(path.name for path in PROMISED.glob("*.json")))
def test_what_was_promised_is_kept(name):
    side = "input" if name.endswith(".input.json") else "output"

    assert name in NAMES, f"{name} was promised and is gone"
    assert not breaks(read(PROMISED, name), schemas()[name], side)


def test_every_task_is_promised():
    assert sorted(path.name for path in PROMISED.glob("*.json")) == NAMES


def schema(properties, required=(), **more):
    return {"type": "object", "properties": properties, "required": list(required), **more}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
TONE = {"type": "string", "enum": ["warm", "plain"]}
OPTIONAL = {"anyOf": [TEXT, {"type": "null"}]}

KEPT_BY_BOTH = [
    (schema({"name": TEXT}, ["name"]), schema({"name": TEXT}, ["name"])),
    (schema({"name": TEXT}), schema({"name": TEXT, "note": TEXT})),
]
CASES = [  # old, new, is it a break for an input, for an output
    (schema({"name": TEXT}), schema({"name": TEXT}, ["name"]), True, False),
    (schema({"name": TEXT}, ["name"]), schema({"name": TEXT}), False, True),
    (schema({"name": TEXT, "note": TEXT}), schema({"name": TEXT}), True, True),
    (schema({"name": TEXT}), schema({"name": NUMBER}), True, True),
    (schema({"k": {"type": "integer"}}), schema({"k": NUMBER}), False, True),
    (schema({"tone": TONE}), schema({"tone": {**TONE, "enum": ["warm", "plain", "loud"]}}), False, True),
    (schema({"tone": TONE}), schema({"tone": {**TONE, "enum": ["warm"]}}), True, False),
    (schema({"k": {**NUMBER, "maximum": 10}}), schema({"k": {**NUMBER, "maximum": 20}}), False, True),
    (schema({"k": {**NUMBER, "maximum": 10}}), schema({"k": {**NUMBER, "maximum": 5}}), True, False),
    (schema({"k": {**NUMBER, "minimum": 1}}), schema({"k": NUMBER}), False, True),
    (schema({"name": TEXT}), schema({"name": {**TEXT, "pattern": "^a"}}), True, False),
    (schema({"name": TEXT}), schema({"name": OPTIONAL}), False, True),
    (schema({"name": OPTIONAL}), schema({"name": TEXT}), True, False),
    (
        schema({"rows": {"type": "array", "items": TONE}}),
        schema({"rows": {"type": "array", "items": TEXT}}),
        False,
        True,
    ),
    (
        {**schema({"p": {"$ref": "#/$defs/P"}}), "$defs": {"P": schema({"name": TEXT})}},
        {**schema({"p": {"$ref": "#/$defs/P"}}), "$defs": {"P": schema({"name": TEXT}, ["name"])}},
        True,
        False,
    ),
]


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(("old", "new"), KEPT_BY_BOTH)
def test_new_optional_fields_break_nobody(old, new, side):
    assert breaks(old, new, side) == []


@pytest.mark.parametrize(("old", "new", "as_input", "as_output"), CASES)
def test_a_change_that_would_surprise_a_caller_is_named(old, new, as_input, as_output):
    assert (bool(breaks(old, new, "input")), bool(breaks(old, new, "output"))) == (as_input, as_output)
