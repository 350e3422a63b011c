"""From what a caller hands in to a `NewJob`: checked by its contract, bounded, with absolute times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from storehand.columns import checked_epoch, checked_name, checked_priority
from storehand.contracts import INPUTS
from storehand.contracts.base import TaskInput
from storehand.errors import InvalidInput
from storehand.job import NewJob, Priority
from storehand.payload import large_fingerprint
from storehand.refusal import invalid_input

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

Moment = float | datetime | timedelta
"""A point in time: epoch seconds, an aware datetime, or how long from now."""


def new_job(
    settings: Settings,
    task: str,
    data: Mapping[str, Any],
    *,
    now: float,
    idempotency_key: str | None = None,
    deadline: Moment | None = None,
    priority: Priority | str = Priority.STANDARD,
    tenant: str | None = None,
    not_before: Moment | None = None,
    batch: str | None = None,
    subject: str | None = None,
) -> NewJob:
    """InvalidInput or PayloadTooLarge, before anything is written. A large input is marked by its fingerprint."""
    large = large_fingerprint(data, settings)
    due = moment(deadline, "deadline", now=now)
    if due is None and settings.deadline_s is not None:
        due = now + settings.deadline_s
    return NewJob(
        task=task,
        input=data,
        tenant=checked_name(settings.tenant if tenant is None else tenant, "tenant", 64),
        priority=checked_priority(priority),
        idempotency_key=checked_name(idempotency_key, "idempotency_key", 255),
        not_before=moment(not_before, "not_before", now=now),
        deadline=due,
        batch=batch,
        fingerprint=large,
        subject=checked_name(subject, "subject", 255),
    )


def typed_input(value: TaskInput[Any]) -> tuple[str, dict[str, Any]]:
    """Task name and JSON of an input object."""
    if not isinstance(value, TaskInput):
        raise InvalidInput(f"submit takes a TaskInput, not {type(value).__name__}; plain data goes to submit_raw")
    if not value.task_name:
        raise InvalidInput(f"{type(value).__name__} names no task: class {type(value).__name__}(..., task=...)")
    return value.task_name, value.to_json_dict()


def raw_input(task: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data, checked by the contract where the task is a built-in one."""
    if not isinstance(data, Mapping):
        raise InvalidInput(f"the input must be a mapping, not {type(data).__name__}")
    if task not in INPUTS:
        return dict(data)
    try:
        return INPUTS[task].model_validate(dict(data)).to_json_dict()
    except ValidationError as error:
        raise invalid_input(task, error) from None


def moment(value: Moment | None, name: str, *, now: float) -> float | None:
    """Epoch seconds. A datetime without a time zone is refused: nobody knows which hour it means."""
    if isinstance(value, timedelta):
        return now + value.total_seconds()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput(f"{name} {value.isoformat()} has no time zone; use datetime.now(UTC) or a timedelta")
        return value.timestamp()
    return checked_epoch(value, name)
