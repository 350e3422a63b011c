"""The wire form of a job: a Celery message that rings for rows of the store, or brings work from a plain producer.

our client       storehand.<task>  kwargs {"jobs": [id, ...]}        task id: the job's, or the envelope's own
any Celery app   storehand.<task>  kwargs {"input": {...}}           job id: the Celery task id
                                   kwargs {"inputs": [{...}, ...]}   job ids: uuid5 of task id and index
                                   and, optional, {"options": {"tenant": ..., "priority": ..., ...}}
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storehand.columns import checked_epoch, checked_name, checked_priority
from storehand.contracts import default_priority
from storehand.errors import InvalidInput, MalformedMessage
from storehand.job import WIRE_VERSION, Job, NewJob
from storehand.traces import headers_of

TASK_PREFIX = "storehand."
MAX_ITEMS = 500
"""Most jobs in one message."""

_MAX_ID_CHARS = 255
_OPTIONS = ("tenant", "priority", "deadline", "idempotency_key", "subject")
_NAMESPACE = uuid.UUID("6f4f8fb7-6f0c-5c0c-9a6a-0b7a5d5f3c11")


@dataclass(frozen=True, slots=True)
class Call:
    """What a message asks for. `new_jobs` is empty when our own client rings: its rows exist. With an idempotency key
    `store.create(new_jobs)` may return a row with another id: go on with the ids it returns."""

    task: str
    ids: tuple[str, ...]
    new_jobs: tuple[NewJob, ...]
    is_envelope: bool


@dataclass(frozen=True, slots=True)
class Doorbell:
    """A message of our own, before Celery writes it."""

    name: str
    task_id: str
    kwargs: Mapping[str, Any]
    headers: Mapping[str, Any]


def celery_name(task: str) -> str:
    return TASK_PREFIX + task


def doorbell(jobs: Sequence[Job], *, now: float) -> Doorbell:
    """One message for jobs of the same task and priority; several travel as an envelope with an id of its own."""
    first = jobs[0]
    return Doorbell(
        name=celery_name(first.task),
        task_id=first.id if len(jobs) == 1 else str(uuid.uuid4()),
        kwargs={"jobs": [job.id for job in jobs]},
        headers={
            "storehand": {"v": WIRE_VERSION, "sent_at": now, "priority": str(first.priority)},
            **headers_of({job.trace for job in jobs}),
        },
    )


def read_call(
    task_name: str, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, tenant: str = "default"
) -> Call:
    """Understands a message, or raises MalformedMessage (no job at all) or InvalidInput (a job asked for wrongly).

    `tenant` is for plain producers that name none. One positional argument counts as `input`, so that the task can
    stand in a Celery chain.
    """
    task = _task_of(task_name)
    task_id = _checked_id(task_id, "the task id")
    given = _merged(args, kwargs)
    if "jobs" in given:
        return _doorbell_call(task, given)
    if "inputs" in given:
        return _many_inputs(task, task_id, given, tenant)
    new = NewJob(task=task, input=_mapping(given["input"], "input"), id=task_id, **_options(task, given, tenant))
    return Call(task, (task_id,), (new,), is_envelope=False)


def _task_of(task_name: str) -> str:
    if not isinstance(task_name, str) or not task_name.startswith(TASK_PREFIX) or task_name == TASK_PREFIX:
        raise MalformedMessage(f"the Celery task {task_name!r} is not called {TASK_PREFIX}<task>")
    return task_name.removeprefix(TASK_PREFIX)


def _merged(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(kwargs, Mapping) or not isinstance(args, Sequence) or isinstance(args, str) or len(args) > 1:
        raise MalformedMessage('a message takes keyword arguments: {"input": {...}}')
    given = {**kwargs, "input": args[0]} if args and "input" not in kwargs else dict(kwargs)
    if args and "input" in kwargs:
        raise MalformedMessage("the input is given twice, as an argument and by keyword")
    bodies = [name for name in ("jobs", "input", "inputs") if name in given]
    unknown = sorted(str(name) for name in given if name not in ("jobs", "input", "inputs", "options"))
    if len(bodies) != 1 or unknown:
        found = ", ".join([*bodies, *unknown]) or "nothing"
        raise MalformedMessage(f"a message has exactly one of input, inputs or jobs, and options; this one has {found}")
    return given


def _doorbell_call(task: str, given: Mapping[str, Any]) -> Call:
    ids = tuple(_checked_id(each, "a job id") for each in _items(given["jobs"], "jobs"))
    if "options" in given:
        raise MalformedMessage("options stand in the rows of the jobs, not in the message that rings for them")
    if len(set(ids)) < len(ids):
        raise MalformedMessage("a job stands twice in one envelope")
    return Call(task, ids, (), is_envelope=len(ids) > 1)


def _many_inputs(task: str, task_id: str, given: Mapping[str, Any], tenant: str) -> Call:
    items = _items(given["inputs"], "inputs")
    options = _options(task, given, tenant)
    if options["idempotency_key"] is not None:
        raise InvalidInput("one idempotency_key can't stand for several inputs: send them one by one")
    jobs = tuple(
        NewJob(task=task, input=_mapping(item, f"inputs[{index}]"), id=item_id(task_id, index), **options)
        for index, item in enumerate(items)
    )
    return Call(task, tuple(job.id for job in jobs), jobs, is_envelope=True)


def item_id(task_id: str, index: int) -> str:
    """The job id of one of a plain producer's inputs; the same on every delivery."""
    return str(uuid.uuid5(_NAMESPACE, f"{task_id}/{index}"))


def _items(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_ITEMS:
        raise MalformedMessage(f"{name} must be a list of 1 to {MAX_ITEMS}")
    return value


def _checked_id(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _MAX_ID_CHARS or not value.isprintable():
        raise MalformedMessage(f"{name} must be a text of 1 to {_MAX_ID_CHARS} printable characters")
    return value


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} must be a JSON object, not {type(value).__name__}")
    return value


def _options(task: str, given: Mapping[str, Any], tenant: str) -> dict[str, Any]:
    options = _mapping(given.get("options") or {}, "options")
    unknown = sorted(str(name) for name in options if name not in _OPTIONS)
    if unknown:
        raise InvalidInput(f"unknown options: {', '.join(unknown)}; there are {', '.join(_OPTIONS)}")
    named = options.get("tenant")
    return {
        "tenant": checked_name(tenant if named is None else named, "tenant", 64),
        "priority": checked_priority(options.get("priority") or default_priority(task)),
        "deadline": checked_epoch(options.get("deadline"), "deadline"),
        "idempotency_key": checked_name(options.get("idempotency_key"), "idempotency_key", 255),
        "subject": checked_name(options.get("subject"), "subject", 255),
    }
