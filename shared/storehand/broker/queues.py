"""The rows of the tables `queue`, `binding` and `consumer`. Each call is part of a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

STALE_S = 60.0  # a temporary queue that nobody consumes or declares is swept after this time


class QueueTraits(NamedTuple):
    """What a declaration says about a queue, as stored."""

    is_temporary: bool
    expires_s: float | None
    message_ttl_s: float | None


def traits(
    *, auto_delete: bool = False, exclusive: bool = False, arguments: Mapping[str, Any] | None = None, **_: Any
) -> QueueTraits:
    """From the arguments of a queue declaration; times arrive in milliseconds, as RabbitMQ wants them."""
    arguments = arguments or {}
    return QueueTraits(
        auto_delete or exclusive, _seconds(arguments.get("x-expires")), _seconds(arguments.get("x-message-ttl"))
    )


def declare(db: sqlite3.Connection, name: str, found: QueueTraits) -> None:
    db.execute(
        "INSERT INTO queue(name, is_temporary, expires_s, message_ttl_s, seen) VALUES(?,?,?,?,?)"
        " ON CONFLICT(name) DO UPDATE SET is_temporary=excluded.is_temporary, expires_s=excluded.expires_s,"
        " message_ttl_s=excluded.message_ttl_s, seen=excluded.seen",
        (name, *found, time.time()),
    )


def message_ttl_s(db: sqlite3.Connection, name: str) -> float | None:
    row = db.execute("SELECT message_ttl_s FROM queue WHERE name=?", (name,)).fetchone()
    return row[0] if row else None


def bind(db: sqlite3.Connection, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
    db.execute("INSERT OR IGNORE INTO binding VALUES(?,?,?,?)", (exchange, routing_key, pattern, queue))


def unbind(db: sqlite3.Connection, exchange: str, routing_key: str, queue: str) -> None:
    db.execute("DELETE FROM binding WHERE exchange=? AND routing_key=? AND queue=?", (exchange, routing_key, queue))


def delete(db: sqlite3.Connection, name: str) -> None:
    """The queue, its bindings and its messages, also those that are being worked on."""
    db.execute("DELETE FROM queue WHERE name=?", (name,))
    db.execute("DELETE FROM binding WHERE queue=?", (name,))
    db.execute("DELETE FROM message WHERE queue=?", (name,))


def subscribe(db: sqlite3.Connection, queue: str, owner: str, address: str) -> None:
    db.execute("INSERT OR REPLACE INTO consumer VALUES(?,?,?)", (queue, owner, address))


def unsubscribe(db: sqlite3.Connection, owner: str, queue: str | None = None) -> None:
    """From one queue, or from all."""
    db.execute(
        "UPDATE queue SET seen=? WHERE name IN (SELECT queue FROM consumer WHERE owner=? AND queue=ifnull(?, queue))",
        (time.time(), owner, queue),
    )
    db.execute("DELETE FROM consumer WHERE owner=? AND queue=ifnull(?, queue)", (owner, queue))


def addresses(db: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Where the consumers of these queues are woken."""
    found: set[str] = set()
    for name in names:
        found.update(row[0] for row in db.execute("SELECT address FROM consumer WHERE queue=?", (name,)))
    return found


FRESH = (
    "SELECT 1 FROM queue WHERE name=? AND is_temporary IS ? AND expires_s IS ? AND message_ttl_s IS ?"
    " AND (NOT is_temporary AND expires_s IS NULL OR seen > unixepoch() - ?)"
)
STALE = (
    "SELECT name FROM queue WHERE (is_temporary OR expires_s IS NOT NULL)"  # noqa: S608 -- no value from outside
    f" AND seen + ifnull(expires_s, {STALE_S}) < ? AND name NOT IN (SELECT queue FROM consumer)"
)
EXPIRED = "SELECT id FROM message WHERE owner IS NULL AND expires<=?"


def sweep(db: sqlite3.Connection, now: float) -> None:
    """Drops what nobody will read: stale temporary queues and expired messages."""
    for where in (
        f"binding WHERE queue IN ({STALE})",
        f"message WHERE queue IN ({STALE})",
        f"queue WHERE name IN ({STALE})",  # the last of the three: the others look it up
        f"message WHERE id IN ({EXPIRED})",
    ):
        db.execute(f"DELETE FROM {where}", (now,))  # noqa: S608 -- no value from outside


def _seconds(milliseconds: object) -> float | None:
    return max(0.0, milliseconds / 1000) if isinstance(milliseconds, (int, float)) else None
