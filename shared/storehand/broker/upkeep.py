"""The housekeeping every consumer does: give the messages of dead consumers to the living, sweep what is stale."""

from __future__ import annotations

import logging
import sqlite3
import time

from storehand.broker import liveness, messages, queues
from storehand.broker.database import Database

log = logging.getLogger(__name__)

_OWNERS = "SELECT DISTINCT owner FROM message WHERE owner IS NOT NULL UNION SELECT owner FROM consumer"
_STRANGE = "owner IS NOT NULL AND (typeof(owner)<>'text' OR owner GLOB '*[^0-9a-f]*')"  # written by hand
_ANY_WORK = f"SELECT EXISTS({queues.STALE}) OR EXISTS({queues.EXPIRED})"


def housekeep(database: Database, *, me: str, max_deliveries: int, wait_s: float) -> set[str]:
    """One round; the addresses of those who have new work now. Writes only when there is something to do."""
    listed = {str(row[0]) for row in database.read(_OWNERS)}
    owners = (listed | liveness.known_owners(database.path)) - {me}
    dead = sorted(owner for owner in owners if not liveness.is_alive(database.path, owner))
    now = time.time()
    if not listed.isdisjoint(dead) or database.read(_ANY_WORK, (now, now))[0][0]:
        with database.transaction(wait_s=wait_s) as db:
            wanted = _take_back(db, dead, max_deliveries=max_deliveries)
            queues.sweep(db, now)
    else:
        wanted = set()
    for owner in dead:
        liveness.bury(database.path, owner)
    return wanted


def _take_back(db: sqlite3.Connection, dead: list[str], *, max_deliveries: int) -> set[str]:
    wanted: set[str] = set()
    db.execute(f"UPDATE message SET owner=NULL WHERE {_STRANGE}")  # noqa: S608 -- no value in the text
    db.execute(f"DELETE FROM consumer WHERE {_STRANGE}")  # noqa: S608 -- no value in the text
    for owner in dead:
        if not owner.isalnum() or not owner.isascii():
            continue
        queues.unsubscribe(db, owner)
        rows = db.execute(
            "SELECT address FROM consumer WHERE queue IN (SELECT queue FROM message WHERE owner=?)", (owner,)
        )
        wanted.update(row[0] for row in rows)
        returned, buried = messages.take_back(db, owner, max_deliveries=max_deliveries)
        if returned:
            log.warning("a consumer died with %d messages in hand; they go out again now", returned)
        if buried:
            log.error("%d messages took down %d workers each; they lie in the dead letters", buried, max_deliveries)
    return wanted
