"""The task `copy`: marketing copy per channel, whose offers, dates and codes are the shop's own to the digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.hookspecs import hookimpl
from storehand.task import Task
from storehand_plugins.copy.task import CopyTask

__all__ = ["CopyTask"]


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [CopyTask()]
