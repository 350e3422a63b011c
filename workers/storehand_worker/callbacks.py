"""The callbacks a message names: which are allowed, and calling those of a message that reaches no task."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

log = logging.getLogger(__name__)

OUR_PREFIXES = ("storehand.", "celery.")


def callback_problem(app: Any, embed: Mapping[str, Any]) -> str | None:
    """Callbacks are for the shop's own tasks: one that names ours would let any publisher chain what it likes here."""
    for key in ("callbacks", "errbacks", "chain", "chord"):
        for name in _task_names(embed.get(key), depth=8):
            if not isinstance(name, str) or name.startswith(OUR_PREFIXES) or name in app.tasks:
                return f"{key} may not name the task {str(name)[:80]!r}"
    return None


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
        options = signatures.get("options")
        for key in ("link", "link_error"):
            yield from _task_names(options.get(key) if isinstance(options, Mapping) else None, depth=depth - 1)
    else:
        yield None
