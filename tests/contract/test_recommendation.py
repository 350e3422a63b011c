"""The recommendation task keeps the contract on its starter, and recommends what a shop owner would find sensible."""

from __future__ import annotations

from storehand.task import Models
from storehand.testing import TaskContract, local_models
from storehand_plugins.recommendation import RecommendationTask

TASK = RecommendationTask()


class TestRecommendation(TaskContract):
    task = TASK

    def models(self) -> Models:
        return local_models([TASK])
