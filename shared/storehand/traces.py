"""Which trace a job belongs to: W3C trace context, taken from OpenTelemetry where this process has it loaded.

Nothing here imports it unless the setting `tracing` is on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from storehand.errors import SettingsError, StorehandError
from storehand.job import NewJob

if TYPE_CHECKING:
    from storehand.settings import Settings  # pydantic-settings costs a backend's start; its first use pays

HEADER = "traceparent"

_LENGTHS = [2, 32, 16, 2]
_DIGITS = frozenset("0123456789abcdef-")

T = TypeVar("T")


def checked(traceparent: object) -> str | None:
    """The header of a stranger's message, or none where it is no trace context."""
    if not isinstance(traceparent, str) or not _DIGITS.issuperset(traceparent):
        return None
    parts = traceparent.split("-")
    if [len(part) for part in parts] != _LENGTHS or parts[0] == "ff" or not int(parts[1], 16) or not int(parts[2], 16):
        return None
    return traceparent


def current() -> str | None:
    """The active span of this thread, as a traceparent. A backend that is traced has the API loaded already."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None or not hasattr(api, "get_current_span"):
        return None
    return traceparent_of(api.get_current_span())


def traceparent_of(span: Any) -> str | None:
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}" if found.is_valid else None


def with_trace(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
    """Jobs that name no trace yet get the one that is active."""
    trace = current()
    return jobs if trace is None else [job if job.trace else replace(job, trace=trace) for job in jobs]


def headers_of(traces: set[str | None]) -> Mapping[str, str]:
    """For a message whose jobs have these: where they agree, other tools can follow it, too. Our workers read the
    rows."""
    [only] = traces if len(traces) == 1 else [None]
    return {HEADER: only} if only else {}


def sending(settings: Settings, jobs: Sequence[NewJob], send: Callable[[Sequence[NewJob]], T]) -> T:
    """What `send` returns for jobs that name their trace; with the setting `tracing` in a PRODUCER span, by the
    provider of this process. SettingsError where OpenTelemetry is not installed."""
    if not settings.tracing or not jobs:
        return send(with_trace(jobs))
    try:
        from opentelemetry import trace as api
    except ImportError as error:
        raise SettingsError(f"the setting tracing needs pip install 'storehand[tracing]' ({error})") from None
    queues = {settings.queue(job.task, job.priority) for job in jobs}
    [destination] = queues if len(queues) == 1 else [settings.queue_prefix]
    about: dict[str, Any] = {
        "messaging.system": messaging_system(settings),
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": destination,
        **({"messaging.message.id": jobs[0].id} if len(jobs) == 1 else {"messaging.batch.message_count": len(jobs)}),
    }
    with api.get_tracer("storehand").start_as_current_span(
        f"send {destination}", kind=api.SpanKind.PRODUCER, attributes=about,
        record_exception=False, set_status_on_exception=False,  # its words may quote the input
    ) as span:  # fmt: skip
        try:
            return send(with_trace(jobs))
        except Exception as error:
            code = error.code if isinstance(error, StorehandError) else type(error).__name__
            span.set_attribute("error.type", code)
            span.set_status(api.Status(api.StatusCode.ERROR, code))
            raise


def messaging_system(settings: Settings) -> str:
    """As the semantic conventions name it, where they do."""
    if settings.is_amqp:
        return "rabbitmq"
    return "redis" if settings.is_redis else "storehand"
