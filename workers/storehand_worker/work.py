"""Calls a task's `run` and turns whatever comes of it into an outcome: the border to plugin code."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from storehand.contracts.base import TaskOutput
from storehand.errors import PluginError, StopJob, StorehandError, UnknownTask
from storehand.job import Job, Outcome
from storehand.refusal import invalid_input
from storehand.task import Models, Task
from storehand_worker.context import JobContext
from storehand_worker.engines.lane import now

log = logging.getLogger(__name__)


def run_task(
    task: Task[Any, Any] | None,
    job: Job,
    context: JobContext,
    models: Callable[[JobContext, Task[Any, Any]], Models],
) -> Outcome:
    """Never raises. Messages carry no payload: they end in logs and at callers who may not be the job's owner."""
    outcome = _outcome(task, job, context, models)
    context.trace.ran(outcome)
    return outcome


def _outcome(
    task: Task[Any, Any] | None,
    job: Job,
    context: JobContext,
    models: Callable[[JobContext, Task[Any, Any]], Models],
) -> Outcome:
    try:
        if task is None:
            raise UnknownTask(f"no enabled plugin brings the task {job.task!r}")
        context.start.entered_at = now()
        given = _checked_input(task, job)
        context.start.checked_at = now()
        context.check()
        output = task.run(given, models(context, task), context)
        return Outcome.succeeded(_checked_output(task, output))
    except StopJob as stop:
        return Outcome.of_error(stop.error)
    except StorehandError as error:
        return Outcome.of_error(context.stop_error or error)
    except BaseException as error:  # a plugin's sys.exit() is no reason to leave either
        return Outcome.of_error(context.stop_error or _plugin_error(job, error))


def _checked_input(task: Task[Any, Any], job: Job) -> Any:
    try:
        return task.input_type.model_validate(dict(job.input))
    except ValidationError as error:
        raise invalid_input(task.name, error) from None


def _checked_output(task: Task[Any, Any], output: Any) -> dict[str, Any]:
    if not isinstance(output, task.output_type):
        raise PluginError(f"the task {task.name!r} returned {type(output).__name__}, not {task.output_type.__name__}")
    assert isinstance(output, TaskOutput)
    return output.to_json_dict()


def _plugin_error(job: Job, error: BaseException) -> PluginError:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "?"
    kind = type(error).__name__
    log.error(
        "job %s: the task %s raised %s in %s; the job has failed", job.id, job.task, kind, where, extra={"job": job}
    )
    log.debug("job %s\n%s", job.id, "".join(traceback.format_tb(error.__traceback__)))  # its text may quote the input
    return PluginError(f"the task {job.task!r} raised {kind} in {where}")
