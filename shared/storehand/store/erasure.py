"""Personal data leaves the store on request, inside one transaction. No clock in here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from storehand.job import Outcome, Status
from storehand.store.leases import request_cancel
from storehand.store.rows import ERASED_FINGERPRINT, encode_outcome

_COLUMNS = (
    "UPDATE jobs SET outcome = ?, fingerprint = ?, subject = NULL, idempotency_key = NULL, payload_ref = NULL,"
    " updated_at = ? WHERE id = ?"
)


def erase(db: sqlite3.Connection, ids: Sequence[str], now: float) -> dict[str, Status]:
    found = request_cancel(db, ids, now)
    ended = {job_id: status for job_id, status in found.items() if status.is_terminal}
    for job_id, status in ended.items():
        db.execute(_COLUMNS, (encode_outcome(Outcome.erased(status)), ERASED_FINGERPRINT, now, job_id))
    listed = json.dumps(list(ended))
    for table in ("events", "dead_letters"):
        theirs = "WHERE job_id IN (SELECT value FROM json_each(?))"
        db.execute(f"DELETE FROM {table} {theirs}", (listed,))  # noqa: S608  # constants
    select = "SELECT n FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
    db.execute(f"UPDATE inputs SET input = '{{}}' WHERE n IN ({select})", (listed,))  # noqa: S608  # a constant
    return found
