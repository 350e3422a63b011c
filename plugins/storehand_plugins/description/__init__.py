"""The task `description`: product descriptions in English and Chinese that state the facts and invent none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.hookspecs import hookimpl
from storehand.task import Task
from storehand_plugins.description.task import DescriptionTask

__all__ = ["DescriptionTask"]


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [DescriptionTask()]
