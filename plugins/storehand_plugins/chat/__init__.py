"""The task `chat`: a help desk that quotes the shop's knowledge with its source, or hands over to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.hookspecs import hookimpl
from storehand.task import Task


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    from storehand_plugins.chat.task import ChatTask  # here, so that `storehand knowledge` starts without it

    return [ChatTask()]
