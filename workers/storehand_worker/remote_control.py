"""Which of Celery's remote commands a worker obeys: they come over the broker, from whoever may publish there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery.worker.consumer.control import Control

log = logging.getLogger(__name__)

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

Command = Callable[..., Any]
_CELERYS = "celery.worker.control"


def obeyed(commands: Mapping[str, Command]) -> dict[str, Command]:
    """Celery's safe commands, and all that installed packages bring: those were chosen by whoever set the worker up.
    The others answer that they are refused."""
    return {name: do if name in SAFE or do.__module__ != _CELERYS else _refused(name) for name, do in commands.items()}


def _refused(name: str) -> Command:
    def refuse(state: Any, *_: Any, **__: Any) -> dict[str, str]:
        log.warning("the remote command %s is not obeyed: remote_control is `safe`", name)
        return {"error": f"{name} is not obeyed: remote_control is `safe`"}

    return refuse


def restrict(consumer: Any) -> None:
    """Once, when the consumer is built."""
    for step in consumer.steps:
        if isinstance(step, Control):
            node = step.box.node
            node.handlers = obeyed(node.handlers)
