"""The rows of the table `message`: put, claim, acknowledge, give back, bury. Each call is part of a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from storehand.broker import queues, wire
from storehand.broker.errors import MalformedRow


class Draft(NamedTuple):
    """A message on its way into a queue."""

    queue: str
    envelope: str
    body: str | bytes
    ttl_s: float | None


class Delivery(NamedTuple):
    """A claimed message on its way to a consumer; `tag` names this very delivery of it."""

    tag: str
    queue: str
    message: dict[str, Any]


class Verdict(Enum):
    """What becomes of a delivered message."""

    DONE = "done"
    REQUEUE = "requeue"  # ready again at its old place, and the delivery counts against it
    HAND_BACK = "hand_back"  # ready again, an orderly hand-back: it does not count


class Settlement(NamedTuple):
    tag: str
    verdict: Verdict


class Settled(NamedTuple):
    """Queues that have ready messages again, and how many messages were delivered too often."""

    ready: set[str]
    buried: int


_THIS = "id=? AND deliveries=? AND owner=?"  # this very delivery


def put(db: sqlite3.Connection, drafts: Iterable[Draft]) -> None:
    now = time.time()
    ttls: dict[str, float | None] = {}
    for draft in drafts:
        if draft.queue not in ttls:
            ttls[draft.queue] = queues.message_ttl_s(db, draft.queue)
        limits = [ttl_s for ttl_s in (draft.ttl_s, ttls[draft.queue]) if ttl_s is not None]
        db.execute(
            "INSERT INTO message(queue, at, expires, envelope, body) VALUES(?,?,?,?,?)",
            (draft.queue, now, now + min(limits) if limits else None, draft.envelope, draft.body),
        )


def claim(db: sqlite3.Connection, queue: str, owner: str, *, limit: int) -> list[Delivery]:
    """The oldest ready messages, now owned. Rows that are no message go to the dead letters instead."""
    while rows := _mark(db, queue, owner, limit=limit):
        if ready := _deliveries(db, queue, rows):
            return ready
    return []


def take(db: sqlite3.Connection, queue: str, *, limit: int) -> list[Delivery]:
    """Like `claim` for consumers that never acknowledge: the rows are gone."""
    while rows := _mark(db, queue, "", limit=limit):
        ready = _deliveries(db, queue, rows)
        db.executemany("DELETE FROM message WHERE id=?", [(row[0],) for row in rows])
        if ready:
            return ready
    return []


def _mark(db: sqlite3.Connection, queue: str, owner: str, *, limit: int) -> list[Any]:
    return db.execute(
        "UPDATE message SET owner=?, deliveries=deliveries+1 WHERE id IN (SELECT id FROM message"
        " WHERE queue=? AND owner IS NULL AND (expires IS NULL OR expires>?) ORDER BY id LIMIT ?)"
        " RETURNING id, deliveries, envelope, body",
        (owner, queue, time.time(), limit),
    ).fetchall()


def settle(db: sqlite3.Connection, owner: str, settlements: Iterable[Settlement], *, max_deliveries: int) -> Settled:
    """Writes what became of deliveries. Those of messages that others own by now change nothing."""
    acks, ready, buried = [], set[str](), 0
    for tag, verdict in settlements:
        row = (*_parts(tag), owner)
        if verdict is Verdict.DONE:
            acks.append(row)
            continue
        if verdict is Verdict.REQUEUE:
            too_often = f"{_THIS} AND deliveries-handed_back>=?"
            buried += bury(db, too_often, (*row, max_deliveries), f"rejected {max_deliveries} times")
        ready.update(
            name
            for (name,) in db.execute(
                f"UPDATE message SET owner=NULL, handed_back=handed_back+? WHERE {_THIS} RETURNING queue",  # noqa: S608 -- a constant
                (verdict is Verdict.HAND_BACK, *row),
            ).fetchall()
        )
    db.executemany(f"DELETE FROM message WHERE {_THIS}", acks)  # noqa: S608 -- no value in the text
    return Settled(ready, buried)


def take_back(db: sqlite3.Connection, owner: str, *, max_deliveries: int) -> tuple[int, int]:
    """What a dead owner held is ready again; how many, and how many were delivered too often and are buried."""
    buried = bury(
        db, "owner=? AND deliveries-handed_back>=?", (owner, max_deliveries), f"lost its worker {max_deliveries} times"
    )
    return db.execute("UPDATE message SET owner=NULL WHERE owner=?", (owner,)).rowcount, buried


def bury(db: sqlite3.Connection, where: str, values: Sequence[Any], reason: str) -> int:
    """Moves rows to the dead letters; how many."""
    db.execute(
        "INSERT INTO dead(queue, deliveries, at, reason, envelope, body)"  # noqa: S608 -- `where` is ours
        f" SELECT queue, deliveries, ?, ?, envelope, body FROM message WHERE {where}",
        (time.time(), reason, *values),
    )
    return db.execute(f"DELETE FROM message WHERE {where}", values).rowcount  # noqa: S608 -- `where` is ours


def _deliveries(db: sqlite3.Connection, queue: str, rows: Iterable[Sequence[Any]]) -> list[Delivery]:
    ready = []
    for identifier, deliveries, envelope, body in sorted(rows, key=lambda row: row[0]):  # RETURNING has no order
        try:
            message = wire.decode(envelope, body)
        except MalformedRow as error:
            bury(db, "id=?", (identifier,), f"malformed: {error}")
            continue
        tag = f"{identifier}.{deliveries}"
        message["properties"]["delivery_tag"] = tag
        message["properties"]["delivery_info"]["redelivered"] = deliveries > 1
        ready.append(Delivery(tag, queue, message))
    return ready


def _parts(tag: str) -> tuple[int, int]:
    identifier, _, deliveries = tag.partition(".")
    return int(identifier), int(deliveries)
