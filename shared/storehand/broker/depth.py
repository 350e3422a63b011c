"""How much waits in a queue file, for metrics and `doctor`. A file that is not there yet is empty."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from storehand.broker.database import Database


def queue_depths(path: Path | str) -> dict[str, tuple[int, int]]:
    """Queue -> (ready, being worked on), by name; declared queues without messages are in it."""
    rows = _read(
        path,
        "SELECT name, sum(ready), sum(unacked) FROM ("
        " SELECT name, 0 AS ready, 0 AS unacked FROM queue UNION ALL"
        " SELECT queue, owner IS NULL, owner IS NOT NULL FROM message) GROUP BY name ORDER BY name",
    )
    return {name: (ready, unacked) for name, ready, unacked in rows}


def oldest_ready_age_s(path: Path | str, queue: str | None = None) -> float:
    """How long the oldest ready message has been in the file, of one queue or of all; 0 when none is ready."""
    rows = _read(path, "SELECT min(at) FROM message WHERE owner IS NULL AND queue=ifnull(?, queue)", (queue,))
    oldest = rows[0][0] if rows else None
    return max(0.0, time.time() - oldest) if isinstance(oldest, (int, float)) else 0.0


def _read(path: Path | str, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not Path(path).exists():
        return []
    database = Database(Path(path))
    try:
        return database.read(statement, values)
    finally:
        database.close()
