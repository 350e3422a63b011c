"""Command-line values: durations, and JSON from an argument, a file or stdin."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from storehand.errors import InvalidInput

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?")
_SECONDS = {"s": 1.0, None: 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Seconds of `30s`, `5m`, `1.5h`, `2d` or `45`; typer shows the error beside the option."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no duration; write 30s, 5m, 1.5h or 2d")
    return float(match[1]) * _SECONDS[match[2]]


def read_source(source: str) -> str:
    """The text itself, of `@file`, or of stdin for `-`."""
    if source == "-":
        return sys.stdin.read()
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"can't read {source[1:]}: {error}") from None


def parse_object(text: str, *, where: str = "the input") -> dict[str, Any]:
    """A JSON object; InvalidInput says where it stops being one."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        near = text[max(0, error.pos - 10) : error.pos + 10].replace("\n", " ")
        raise InvalidInput(
            f"{where} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}, near {near!r}"
        ) from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} is {_json_kind(value)}, a task takes a JSON object")
    return value


def parse_lines(text: str) -> Iterator[dict[str, Any]]:
    """The objects of JSON Lines; blank lines are skipped."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield parse_object(line, where=f"line {number}")


def _json_kind(value: Any) -> str:
    kinds = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
