"""The task `recommendation`: items for a shopper, or items around one, ranked from the shop's own events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storehand.hookspecs import hookimpl
from storehand.task import Task
from storehand_plugins.recommendation.task import RecommendationTask

__all__ = ["RecommendationTask"]


@hookimpl
def register_tasks() -> Sequence[Task[Any, Any]]:
    return [RecommendationTask()]
