"""Which of Celery's remote commands a worker obeys: they come over the broker, from whoever may publish there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery.worker.consumer.control import Control

SAFE = frozenset(
    {
        "active", "active_queues", "clock", "conf", "disable_events", "dump_active", "dump_conf", "dump_reserved",
        "dump_revoked", "dump_schedule", "dump_tasks", "enable_events", "heartbeat", "hello", "ping", "query_task",
        "registered", "report", "reserved", "revoke", "revoke_by_stamped_headers", "revoked", "scheduled", "stats",
        "terminate",
    }
)  # fmt: skip
"""Looking, and stopping single jobs. The rest ends or starves the worker, lifts its limits, reads strange queues or
writes files: shutdown, pool_*, autoscale, time_limit, rate_limit, *_consumer, election, memdump, memsample, objgraph.
"""

_CELERYS = "celery.worker.control"


def obeyed(commands: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Celery's safe commands, and all that installed packages bring: those were chosen by whoever set the worker up."""
    return {name: do for name, do in commands.items() if name in SAFE or do.__module__ != _CELERYS}


def restrict(consumer: Any) -> None:
    """Once, when the consumer is built."""
    for step in consumer.steps:
        if isinstance(step, Control):
            node = step.box.node
            node.handlers = obeyed(node.handlers)
