"""The callbacks a message names: which are allowed, and calling those of a message that reaches no task."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

log = logging.getLogger(__name__)

OUR_PREFIXES = ("storehand.", "celery.")


_OPTIONS = frozenset(
    {
        "argsrepr", "countdown", "delivery_mode", "eta", "exchange", "expires", "group_id", "group_index", "headers",
        "ignore_result", "kwargsrepr", "link", "link_error", "parent_id", "priority", "queue", "reply_to", "retry",
        "retry_policy", "root_id", "routing_key", "soft_time_limit", "task_id", "time_limit",
    }
)  # fmt: skip
"""What a callback may say about its own message. The rest picks serializers or connections, or hides more tasks."""


def callback_problem(app: Any, embed: Mapping[str, Any]) -> str | None:
    """Callbacks are for the shop's own tasks: one that names ours would let any publisher chain what it likes here."""
    patterns = app.storehand_settings.allowed_callbacks
    for key in ("callbacks", "errbacks", "chain", "chord"):
        if not _is_shaped(key, embed.get(key)):
            return f"{key} must be {'an object' if key == 'chord' else 'a list of objects'}, or null"
        for name in _task_names(embed.get(key), depth=8):
            if not isinstance(name, str) or name.startswith(OUR_PREFIXES) or name in app.tasks:
                return f"{key} may not name the task {str(name)[:80]!r}"
            if patterns is not None and not any(fnmatchcase(name, pattern) for pattern in patterns):
                return f"{key} may not name the task {name[:80]!r}: allowed_callbacks does not list it"
    return None


def _is_shaped(key: str, value: Any) -> bool:
    """Celery's tracer stumbles over other shapes once the job is done, and then calls it failed."""
    if value is None or key == "chord":
        return value is None or isinstance(value, Mapping)
    return isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value)


def call_errbacks(app: Any, message: Any) -> None:
    """Sends the `link_error` tasks of a message as Celery would: with the task id alone. Never raises."""
    task_id = message.headers.get("id")
    try:
        embed = message.payload[2] or {}
        errbacks = embed.get("errbacks") or []
        if not errbacks or callback_problem(app, embed):
            return
        root_id = message.headers.get("root_id") or task_id
        for errback in errbacks:
            app.signature(errback).apply_async((task_id,), parent_id=task_id, root_id=root_id)
    except Exception as error:  # the message is no job, so its callbacks may be anything
        log.warning("the link_error of task %s can't be called: %s", str(task_id)[:100], type(error).__name__)


def _task_names(signatures: Any, *, depth: int) -> Iterator[Any]:
    if signatures is None:
        return
    if depth == 0:
        yield "celery.too_deep"
    elif isinstance(signatures, list | tuple):
        for each in signatures:
            yield from _task_names(each, depth=depth - 1)
    elif isinstance(signatures, Mapping):
        yield signatures.get("task")
        if signatures.get("subtask_type"):  # a chain, group or chord, whose tasks stand in its arguments
            yield f"celery.{signatures['subtask_type']}"
        options = signatures.get("options") or {}
        if not isinstance(options, Mapping) or not _OPTIONS.issuperset(options):
            yield None
            return
        for key in ("link", "link_error"):
            yield from _task_names(options.get(key), depth=depth - 1)
    else:
        yield None
