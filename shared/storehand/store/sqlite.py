"""The job store in one SQLite file: one host, many processes and threads."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from storehand.job import Event, Job, NewJob, NewNote, Note, Status
from storehand.store import (
    NO_LIMITS,
    Claim,
    DeadLetter,
    Finish,
    Limit,
    NewEvent,
    Signal,
    StoreStats,
    Swept,
    Tally,
    Upkeep,
    creation,
    erasure,
    leases,
    upkeep,
)
from storehand.store.database import Database
from storehand.store.notes import add_lines, decode_notes
from storehand.store.owners import Owners
from storehand.store.rows import SELECT_JOB, encode, encode_outcome, event_of, job_of
from storehand.store.schema import migrate
from storehand.store.state import MOST_UNRUNG
from storehand.store.tallies import tallies
from storehand.store.tallies import upkeep as upkeep_of


class SqliteStore:
    """See `JobStore` for what each method promises. With `synchronous="FULL"` a returned call survives power loss,
    with NORMAL the death of any process. `clock` is for tests."""

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = Database(Path(path), synchronous=synchronous, prepare=_prepare)
        self._owners = Owners(self._db.path)
        self._clock = clock

    def now(self) -> float:
        return self._clock()

    def attend(self, owner: str) -> None:
        is_dead = self._owners.is_dead
        asked_for = self._db.write(lambda db: upkeep.end_leases_of_dead(db, is_dead=is_dead, now=self.now()))
        self._owners.attend(owner)
        self._owners.bury(all_but=asked_for)

    def create(self, jobs: Sequence[NewJob], *, limits: Mapping[str, Limit] = NO_LIMITS) -> list[Job]:
        return self._db.write(lambda db: creation.create(db, jobs, limits, self.now())) if jobs else []

    def get(self, ids: Sequence[str]) -> dict[str, Job]:
        if not ids:
            return {}
        select = f"{SELECT_JOB} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  # a constant
        with self._db.reading() as db:
            jobs = [job_of(row) for row in db.execute(select, (json.dumps(list(ids)),)).fetchall()]
        return {job.id: job for job in jobs}

    def find(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        with self._db.reading() as db:
            return upkeep.find(db, statuses=statuses, task=task, tenant=tenant, subject=subject, limit=limit)

    def mark_published(self, ids: Sequence[str], *, at: float | None = None) -> None:
        at = self.now() if at is None else at
        rows = [(at, each, at) for each in ids]
        statement = "UPDATE jobs SET published_at = ? WHERE id = ? AND updated_at <= ?"
        if rows:
            self._db.write(lambda db: db.executemany(statement, rows))

    def claim(
        self, ids: Sequence[str], owner: str, lease_s: float, *, max_crashes: int, max_deaths: int | None = None
    ) -> list[Claim]:
        terms = leases.Terms(owner, lease_s, max_crashes, max_deaths, self._owners.is_dead)
        return self._db.write(lambda db: leases.claim(db, ids, terms, self.now())) if ids else []

    def renew(self, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
        return self._db.write(lambda db: leases.renew(db, ids, owner, lease_s, self.now())) if ids else []

    def release(
        self,
        ids: Sequence[str],
        owner: str,
        *,
        not_before: float | None = None,
        count_attempt: bool = False,
        note: NewNote | None = None,
    ) -> None:
        if ids:
            self._db.write(
                lambda db: leases.release(
                    db, ids, owner, not_before=not_before, count_attempt=count_attempt, note=note, now=self.now()
                )
            )

    def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        encoded = [(each, encode_outcome(each.outcome)) for each in finishes]
        return self._db.write(lambda db: leases.finish(db, encoded, self.now())) if finishes else []

    def request_cancel(self, ids: Sequence[str]) -> dict[str, Status]:
        return self._db.write(lambda db: leases.request_cancel(db, ids, self.now())) if ids else {}

    def append(self, job_id: str, attempt: int, events: Sequence[NewEvent]) -> int:
        encoded = [(event.kind, encode(event.data)) for event in events]
        return self._db.write(lambda db: leases.append(db, job_id, attempt, encoded, self.now()))

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        select = (
            "SELECT job_id, seq, attempt, kind, data, at FROM events WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        )
        with self._db.reading() as db:
            return [event_of(row) for row in db.execute(select, (job_id, after, limit)).fetchall()]

    def changed(self, since: int, ids: Sequence[str] | None = None) -> int:
        return self._db.version()  # of the whole file: a commit is cheap to see, whose it was is not

    def tell(self, notes: Mapping[str, Sequence[NewNote]]) -> None:
        if notes:
            self._db.write(lambda db: leases.tell(db, notes, self.now()))

    def history(self, job_id: str) -> list[Note]:
        with self._db.reading() as db:
            row = db.execute("SELECT history FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return decode_notes(row and row[0])

    def erase(self, ids: Sequence[str]) -> dict[str, Status]:
        if not ids:
            return {}
        found = self._db.write(lambda db: erasure.erase(db, ids, self.now()))
        self._db.forget()
        return found

    def unrung(self, *, grace_s: float, limit: int = 500) -> list[Job]:
        with self._db.reading() as db:
            return upkeep.unrung(db, grace_s=grace_s, limit=limit, now=self.now(), is_dead=self._owners.is_dead)

    def expire_overdue(self) -> list[Job]:
        return self._db.write(lambda db: upkeep.expire_overdue(db, now=self.now()))

    def bury(self, *, queue: str, reason: str, body: str, job_id: str | None = None, task: str | None = None) -> None:
        body = body.encode("utf-8", "backslashreplace").decode("utf-8")
        self._db.write(
            lambda db: leases.bury(db, queue=queue, reason=reason, body=body, job_id=job_id, task=task, now=self.now())
        )

    def dead_letters(self, limit: int = 50, *, ids: Sequence[int] | None = None) -> list[DeadLetter]:
        with self._db.reading() as db:
            return upkeep.dead_letters(db, limit, ids)

    def drop_dead(self, ids: Sequence[int] | None = None) -> int:
        return self._db.write(lambda db: upkeep.drop_dead(db, ids)) if ids is None or ids else 0

    def sweep(self, *, result_ttl_s: float) -> Swept:
        before = self.now() - result_ttl_s
        total = Swept(0)
        while (some := self._db.write(lambda db: upkeep.sweep_some(db, before=before))).jobs:
            total = Swept(total.jobs + some.jobs, total.payload_refs + some.payload_refs)
        return total

    def lead(self, owner: str, lease_s: float) -> bool:
        is_dead = self._owners.is_dead
        return self._db.write(lambda db: upkeep.lead(db, owner, lease_s, now=self.now(), is_dead=is_dead))

    def stats(self) -> StoreStats:
        with self._db.reading() as db:
            return upkeep.stats(db, now=self.now())

    def tallies(self) -> list[Tally]:
        with self._db.reading() as db:
            return tallies(db, now=self.now())

    def upkeep(self, *, most_unrung: int = MOST_UNRUNG) -> Upkeep:
        with self._db.reading() as db:
            return upkeep_of(db, most_unrung=most_unrung, now=self.now(), is_dead=self._owners.is_dead)

    def close(self) -> None:
        self._owners.close()
        self._db.close()


def _prepare(db: sqlite3.Connection) -> None:
    """The connection that writes."""
    migrate(db)
    db.create_function("add_lines", 2, add_lines, deterministic=True)
    db.execute("PRAGMA secure_delete = ON")  # what is deleted leaves the file too, not only the tables
