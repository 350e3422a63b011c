"""Why an input is refused, in words a caller can act on: the one text of client, command line and worker."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from storehand.errors import InvalidInput

_SHOWN = 5
"""Fields in the message; the details have more."""

_DETAILED = 20
_WORDS = {
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} item(s)",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
}
"""Where pydantic speaks of Python."""


def invalid_input(task: str, error: ValidationError) -> InvalidInput:
    """Which fields are wrong and why, in one message and as details; without the values: they may be personal."""
    errors: list[Any] = error.errors(include_url=False, include_input=False)
    found = [
        {"path": ".".join(str(part) for part in each["loc"]) or "(input)", "reason": _reason(each)}
        for each in errors
        if not _follows_from_another(each, errors)
    ]
    text = "; ".join(f"{each['path']}: {each['reason']}" for each in found[:_SHOWN])
    more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
    return InvalidInput(
        f"the input does not fit {task}: {text}{more}", details={"task": task, "fields": found[:_DETAILED]}
    )


def _reason(error: Any) -> str:
    words = _WORDS.get(error["type"])
    if words is not None:
        return words.format(**error.get("ctx", {}))
    return str(error["msg"]).removeprefix("Value error, ")


def _follows_from_another(error: Any, errors: list[Any]) -> bool:
    """A list counts only its valid items: with a bad one among them it seems too short."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        len(each["loc"]) > len(loc) and each["loc"][: len(loc)] == loc for each in errors
    )
