"""The job store on PostgreSQL: what each call asks of a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

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
)
from storehand.store.notes import decode_notes
from storehand.store.postgres import leases, tallies, upkeep
from storehand.store.postgres.fresh import is_storable, row_of
from storehand.store.postgres.link import Link, target_of
from storehand.store.postgres.links import PATIENCE_S, Links
from storehand.store.postgres.row import SELECT_JOB, jobs_of
from storehand.store.postgres.schema import migrate
from storehand.store.postgres.server_clock import ServerClock
from storehand.store.postgres.turns import Turns
from storehand.store.postgres.unit import Call, Unit
from storehand.store.postgres.watch import Watch
from storehand.store.rows import encode, event_of
from storehand.store.state import MOST_UNRUNG

T = TypeVar("T")

_GET = f"{SELECT_JOB} WHERE j.id = ANY(%s)"
_EVENTS = (
    "SELECT %s, seq, attempt, kind, data, at FROM $.events WHERE n = (SELECT n FROM $.jobs WHERE id = %s) AND seq > %s"
    " ORDER BY seq LIMIT %s"
)


class PostgresStore:
    """See `JobStore` for what each method promises. Connects at its first use, and again after every outage. Leases
    are judged by the server's clock; `clock` is for tests. `schema` holds the tables and is made when it is missing.
    `patience_s` is how long the server may take to answer; a call ends with Unavailable after some twice that."""

    def __init__(
        self,
        url: str,
        *,
        schema: str = "storehand",
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        target = target_of(url, ca_file=ca_file, cert_file=cert_file, key_file=key_file)
        self._links = Links(target, schema, prepare=migrate, patience_s=patience_s)
        self._watch = Watch(self._links)
        self._clock = clock
        self._server_clock = ServerClock(self._links)
        self._turns = Turns(self._links, clock=clock, on_begun=self._server_clock.learn, on_written=self._tell)

    def now(self) -> float:
        return self._clock() if self._clock else self._server_clock.now()

    def attend(self, owner: str) -> None:
        """Leases alone decide. A server notices a closed connection at once, but a network that was cut for a moment
        closes it too, and that is no death: the worker behind it would lose its jobs while it runs them."""

    def create(self, jobs: Sequence[NewJob], *, limits: Mapping[str, Limit] = NO_LIMITS) -> list[Job]:
        rows = [row_of(new) for new in jobs]
        call = Call(lambda unit: unit.fresh.create(rows, jobs, limits, unit.now), new=rows, limits=limits)
        return self._turns.run(call) if jobs else []

    def get(self, ids: Sequence[str]) -> dict[str, Job]:
        known = _storable(ids)
        rows = self._links.read(lambda link: link.run(_GET, (known,)).fetchall()) if known else []
        return {job.id: job for job in jobs_of(rows)}

    def find(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        wanted = list(statuses)
        if not all(is_storable(each) for each in (task, tenant, subject) if each is not None):
            return []
        return self._slowly(
            lambda link: upkeep.find(link, statuses=wanted, task=task, tenant=tenant, subject=subject, limit=limit)
        )

    def mark_published(self, ids: Sequence[str], *, at: float | None = None) -> None:
        at = self.now() if at is None else at
        self._change(ids, lambda unit: leases.mark_published(unit, ids, at), none=None)

    def claim(
        self, ids: Sequence[str], owner: str, lease_s: float, *, max_crashes: int, max_deaths: int | None = None
    ) -> list[Claim]:
        terms = leases.Terms(owner, lease_s, max_crashes, max_deaths)
        call = Call(
            lambda unit: leases.claim(unit, ids, terms), _storable(ids), needs_inputs=True,
            if_late=leases.keep_late_claims,
        )  # fmt: skip
        return self._turns.run(call) if ids else []

    def renew(self, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
        return self._change(ids, lambda unit: leases.renew(unit, ids, owner, lease_s), none=[])

    def release(
        self,
        ids: Sequence[str],
        owner: str,
        *,
        not_before: float | None = None,
        count_attempt: bool = False,
        note: NewNote | None = None,
    ) -> None:
        self._change(
            ids,
            lambda unit: leases.release(
                unit, ids, owner, not_before=not_before, count_attempt=count_attempt, note=note
            ),
            none=None,
        )

    def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        encoded = leases.encoded(finishes)
        call = Call(
            lambda unit: leases.finish(unit, encoded), _storable([each.job_id for each in finishes]),
            if_late=lambda late, written: leases.keep_late_ends(late, encoded, written),
        )  # fmt: skip
        return self._turns.run(call) if finishes else []

    def request_cancel(self, ids: Sequence[str]) -> dict[str, Status]:
        return self._change(ids, lambda unit: leases.request_cancel(unit, ids), none={})

    def append(self, job_id: str, attempt: int, events: Sequence[NewEvent]) -> int:
        encoded = [(event.kind, encode(event.data)) for event in events]
        return self._change([job_id], lambda unit: leases.append(unit, job_id, attempt, encoded), none=0)

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        if not is_storable(job_id):
            return []
        rows = self._links.read(lambda link: link.run(_EVENTS, (job_id, job_id, after, limit)).fetchall())
        return [event_of(row) for row in rows]

    def changed(self, since: int, ids: Sequence[str] | None = None) -> int:
        return self._watch.changed(None if ids is None else _storable(ids))

    def tell(self, notes: Mapping[str, Sequence[NewNote]]) -> None:
        self._change(list(notes), lambda unit: leases.tell(unit, notes), none=None)

    def history(self, job_id: str) -> list[Note]:
        select = "SELECT history FROM $.jobs WHERE id = ANY(%s)"
        rows = self._links.read(lambda link: link.run(select, (_storable([job_id]),)).fetchall())
        return decode_notes(rows[0][0]) if rows else []

    def erase(self, ids: Sequence[str]) -> dict[str, Status]:
        return self._change(ids, lambda unit: leases.erase(unit, ids), none={})

    def unrung(self, *, grace_s: float, limit: int = 500) -> list[Job]:
        return self._slowly(lambda link: upkeep.unrung(link, grace_s=grace_s, limit=limit, now=self._test_time()))

    def expire_overdue(self) -> list[Job]:
        ids = self._slowly(lambda link: upkeep.overdue(link, now=self._test_time()))
        call = Call(lambda unit: leases.expire(unit, ids), ids, needs_inputs=True)
        return self._turns.run(call) if ids else []

    def bury(self, *, queue: str, reason: str, body: str, job_id: str | None = None, task: str | None = None) -> None:
        values = {"queue": queue, "reason": reason, "body": body, "job_id": job_id, "task": task}
        letter = {name: value and _printable(value) for name, value in values.items()}
        self._turns.run(Call(lambda unit: unit.bury(**letter)))

    def dead_letters(self, limit: int = 50, *, ids: Sequence[int] | None = None) -> list[DeadLetter]:
        return self._slowly(lambda link: upkeep.dead_letters(link, limit, ids))

    def drop_dead(self, ids: Sequence[int] | None = None) -> int:
        return self._slowly(lambda link: upkeep.drop_dead(link, ids)) if ids is None or ids else 0

    def sweep(self, *, result_ttl_s: float) -> Swept:
        total, refs = 0, list[str]()
        while True:
            some = self._slowly(lambda link: upkeep.sweep_some(link, result_ttl_s=result_ttl_s, now=self._test_time()))
            total += some.jobs
            refs += some.payload_refs
            if not some.jobs:
                return Swept(total, tuple(refs))

    def lead(self, owner: str, lease_s: float) -> bool:
        return self._links.read(lambda link: upkeep.lead(link, owner, lease_s, now=self._test_time()))

    def stats(self) -> StoreStats:
        return self._slowly(lambda link: upkeep.stats(link, now=self._test_time()))

    def tallies(self) -> list[Tally]:
        if self._links.read(tallies.is_off):
            while self._slowly(tallies.give_priority):
                pass
            self._slowly(tallies.recount)
        return self._links.read(lambda link: tallies.tallies(link, now=self.now()))

    def upkeep(self, *, most_unrung: int = MOST_UNRUNG) -> Upkeep:
        return self._slowly(lambda link: upkeep.upkeep(link, most_unrung=most_unrung, now=self._test_time()))

    def close(self) -> None:
        self._links.close()

    def _change(self, ids: Sequence[str], decide: Callable[[Unit], T], *, none: T) -> T:
        """`none` is what no ids get."""
        return self._turns.run(Call(decide, _storable(ids))) if ids else none

    def _slowly(self, work: Callable[[Link], T]) -> T:
        return self._links.read(lambda link: upkeep.in_bulk(link, work), allowed_s=upkeep.SLOW_S)

    def _test_time(self) -> float | None:
        return self._clock() if self._clock else None

    def _tell(self, unit: Unit) -> None:
        self._watch.touch(unit.told)


def _storable(ids: Sequence[str]) -> list[str]:
    """Without those that no row can have."""
    return [each for each in ids if is_storable(each)]


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
