"""The task `sentiment`: a label and a score for every review, and a counted, quoted summary of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.hookspecs import hookimpl
from storehand.task import Task
from storehand_plugins.sentiment.task import SentimentTask

__all__ = ["SentimentTask"]


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [SentimentTask()]
