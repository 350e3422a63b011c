"""Values that nobody thought of: the chart refuses them in words, or makes objects of them. It never falls over."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.matrix import BASE, NEWEST, TOGGLES, examples
from tests.chart.render import CHART, Refused, Values, render_texts
from tests.chart.strict_yaml import documents

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
TEXTS = (
    "",
    "true",
    "null",
    "1",
    "1e3",
    "a",
    "a: b",
    "# x",
    "{{ .Values }}",
    "-",
    "http://h:1/",
    "x" * 70,
    "yes",
    "2Gi",
)
NUMBERS = (0, 0.001, 0.5, 1, 2, 60, 1000, 100_000)
IN_WORDS = r"These values can't be installed:|values don't meet the specifications of the schema"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_the_chart_never_falls_over_values(seed: int) -> None:
    dice = random.Random(seed)
    paths = list(_paths(SCHEMA, ()))
    refused = 0
    for _ in range(25):
        plain = dice.choice([BASE, BASE, *examples().values()])
        own: dict[str, Any] = {}
        for path, schema in dice.sample(paths, dice.randint(1, 4)):
            _put(own, path, _any_of(schema, dice))
        said = _refusal(plain, dice.choice(list(TOGGLES.values())), own)
        assert not said or re.search(IN_WORDS, said), (own, said)
        refused += bool(said)
    assert refused < 24, "nothing was rendered"


def _refusal(*layers: Values) -> str:
    try:
        texts = render_texts(*layers, kubernetes=NEWEST)
    except Refused as refused:
        return str(refused)
    assert all(documents(text) is not None for path, text in texts.items() if not path.endswith("NOTES.txt"))
    return ""


def _paths(schema: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, each in schema.get("properties", {}).items():
        here = (*path, name)
        if name == "extraObjects":
            continue  # the user's own templates
        if name in ("pools", "poolDefaults"):
            start = (*here, "text") if name == "pools" else here
            yield from _paths(SCHEMA["definitions"]["pool"], start)
        elif "properties" in each:
            yield here, {"type": "null"}
            yield from _paths(each, here)
        else:
            yield here, each


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        below = values.get(name)
        values = below if isinstance(below, dict) else values.setdefault(name, {}) or {}
    values[path[-1]] = value


def _any_of(schema: dict[str, Any], dice: random.Random) -> Any:
    """Mostly of the type that the schema names; whether it fits otherwise is what the chart has to find."""
    if dice.random() < 0.1:
        return None
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kinds = schema.get("type", "string")
    match kinds if isinstance(kinds, str) else dice.choice(kinds):
        case "boolean":
            return dice.random() < 0.5
        case "integer":
            return int(dice.choice(NUMBERS))
        case "number":
            return dice.choice(NUMBERS)
        case "array":
            return [_any_of(schema.get("items", {}), dice) for _ in range(dice.randint(0, 2))]
        case "object":
            inner = schema.get("additionalProperties")
            return (
                {dice.choice(TEXTS): _any_of(inner if isinstance(inner, dict) else {}, dice)}
                if dice.random() < 0.7
                else {}
            )
        case "null":
            return None
        case _:
            return dice.choice(TEXTS)
