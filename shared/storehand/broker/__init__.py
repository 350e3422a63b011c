"""The embedded broker: a kombu transport over one SQLite file, for all processes of one host.

Importing this package makes `embedded:///absolute/path/queue.db` a broker URL.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES

from storehand.broker.dead import DeadMessage, dead_messages, drop_dead, requeue_dead
from storehand.broker.depth import oldest_ready_age_s, queue_depths

__all__ = [
    "DeadMessage",
    "dead_messages",
    "drop_dead",
    "oldest_ready_age_s",
    "queue_depths",
    "register",
    "requeue_dead",
]


def register() -> None:
    """Makes the scheme `embedded` known to kombu; any number of times."""
    TRANSPORT_ALIASES["embedded"] = "storehand.broker.transport:Transport"


register()
