"""The dead letters of a queue file: messages that were delivered too often, or are no messages at all."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from storehand.broker import queues
from storehand.broker.database import Database
from storehand.broker.liveness import ring

_WAIT_S = 30.0


class DeadMessage(NamedTuple):
    """One dead letter; `at` is when it was buried, in epoch seconds."""

    id: int
    queue: str
    deliveries: int
    at: float
    reason: str
    envelope: str | None
    body: str | bytes | None


def dead_messages(path: Path | str, *, limit: int = 1000) -> list[DeadMessage]:
    """The dead letters, oldest first."""
    if not Path(path).exists():
        return []
    database = Database(Path(path))
    try:
        rows = database.read(
            "SELECT id, queue, deliveries, at, reason, envelope, body FROM dead ORDER BY id LIMIT ?", (limit,)
        )
    finally:
        database.close()
    return [DeadMessage(*row) for row in rows]


def count_dead(path: Path | str) -> int:
    if not Path(path).exists():
        return 0
    database = Database(Path(path))
    try:
        return int(database.read("SELECT count(*) FROM dead")[0][0])
    finally:
        database.close()


def requeue_dead(path: Path | str, ids: Iterable[int] | None = None) -> int:
    """Puts dead letters back into their queues, at the end and with no deliveries counted; how many.

    `ids` None means all. Malformed ones go back too, and die again: mend or drop those.
    """
    database = Database(Path(path))
    where, values = _chosen(ids)
    try:
        with database.transaction(wait_s=_WAIT_S) as db:
            found = db.execute(f"SELECT DISTINCT queue FROM dead WHERE {where}", values)  # noqa: S608 -- placeholders only
            names = [row[0] for row in found]
            count = db.execute(
                "INSERT INTO message(queue, at, envelope, body)"  # noqa: S608 -- placeholders only
                f" SELECT queue, ?, ifnull(envelope, ''), ifnull(body, '') FROM dead WHERE {where} ORDER BY id",
                (time.time(), *values),
            ).rowcount
            db.execute(f"DELETE FROM dead WHERE {where}", values)  # noqa: S608 -- placeholders only
            wanted = queues.addresses(db, names)
        ring(database.path, wanted)
    finally:
        database.close()
    return count


def drop_dead(path: Path | str, ids: Iterable[int] | None = None) -> int:
    """Deletes dead letters for good; how many. `ids` None means all."""
    database = Database(Path(path))
    where, values = _chosen(ids)
    try:
        with database.transaction(wait_s=_WAIT_S) as db:
            return db.execute(f"DELETE FROM dead WHERE {where}", values).rowcount  # noqa: S608 -- placeholders only
    finally:
        database.close()


def _chosen(ids: Iterable[int] | None) -> tuple[str, list[int]]:
    if ids is None:
        return "1", []
    chosen = [int(identifier) for identifier in ids]
    return f"id IN ({','.join('?' * len(chosen))})", chosen
