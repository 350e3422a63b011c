"""The hooks of Storehand. A plugin is a module, named by an entry point of the group `storehand`, with any of them.

    from storehand.hookspecs import hookimpl

    @hookimpl
    def register_tasks():
        return [TaglineTask()]

Hooks find things and watch things; nothing between a job and its answer goes through them. An observer that raises
is logged with its name and does not disturb the job. A misspelt hook name stops the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

from storehand.engine import BatchReport, EngineFactories
from storehand.job import Job, Outcome
from storehand.task import Task

PROJECT = "storehand"
ENTRY_POINT_GROUP = "storehand"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_tasks() -> Sequence[Task[Any, Any]]:  # type: ignore[empty-body]  # a specification
    """The tasks this plugin brings. Called once at start."""


@hookspec
def register_engines() -> EngineFactories:  # type: ignore[empty-body]  # a specification
    """Engines by name, for `ModelBinding.engine`. Called once at start."""


@hookspec
def on_worker_start(tasks: Sequence[str]) -> None:
    """The models are loaded and the worker is about to take its first job."""


@hookspec
def on_worker_stop() -> None:
    """The worker has drained."""


@hookspec
def on_job_done(job: Job, outcome: Outcome) -> None:
    """The outcome is stored. `job` is the row as it was claimed. Called on the job's thread: be quick."""


@hookspec
def on_batch_done(report: BatchReport) -> None:
    """An engine finished a step. Called on the engine's thread: be very quick."""


@hookspec
def check_health() -> str | None:
    """None when all is well, else one sentence that says what is not; it turns /readyz red."""
