"""The job store on Redis: what each call of the protocol asks of the script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from storehand.forks import Gate, abandon, guard_forks
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
from storehand.store.redis import rows
from storehand.store.redis.address import TIMEOUT_S, Address, Tls
from storehand.store.redis.clock import ServerClock
from storehand.store.redis.group import Group
from storehand.store.redis.link import Link
from storehand.store.redis.listener import FLAGS, Listener
from storehand.store.redis.tallies import tallies
from storehand.store.redis.unsure import Unsure
from storehand.store.rows import encode
from storehand.store.state import MOST_UNRUNG, UPKEEP_GRACE_S
from storehand.store.upkeep import LONG_UNCLAIMED

_FEW = 64
"""Calls about more jobs go by a connection of their own, so that claims and leases do not wait behind them."""

_CHUNK = 500
_SWEEP_CHUNK = 200
"""Rows deleted in one call: nobody else is served meanwhile."""

_CLOCK_FRESH_S = 5.0


class RedisStore:
    """See `JobStore` for what each method promises. Connects at the first call. `timeout_s` is for one answer of the
    server; a call is given up after two or three of them. `prefix` is the first word of all keys: several shops may
    share a server. `clock` is for tests.

    A returned call survives the death of any process but the server's; that one's too, up to what `appendfsync`
    says: with `always` everything, with `everysec` all but the last second.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "storehand",
        tls: Tls | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._address = Address(url, tls or Tls(), timeout_s=timeout_s)
        self._prefix = prefix
        self._test_clock = clock
        self.gate = Gate()  # nobody enters it: what a fork must not share is left behind in the child
        self._open()
        guard_forks(self)

    def __repr__(self) -> str:
        return f"<RedisStore {self._address}>"

    def after_fork(self) -> None:
        abandon(self._quick.link.abandon(), self._slow.link.abandon(), self._listener.abandon())
        abandon(self._quick, self._slow, self._listener)
        self.gate = Gate()
        self._open()

    def _open(self) -> None:
        self._clock = ServerClock()
        self._unsure = Unsure()
        self._quick, self._slow = Group(self._link), Group(self._link)
        self._listener = Listener(self._address, prefix=self._prefix)

    def _link(self, nonce: str) -> Link:
        return Link(
            self._address, prefix=self._prefix, nonce=nonce, clock=self._clock, test_clock=self._test_clock
        )  # fmt: skip

    def _group(self, jobs: int) -> Group:
        return self._quick if jobs <= _FEW else self._slow

    def now(self) -> float:
        if self._test_clock is not None:
            return self._test_clock()
        known = self._clock.now(fresh_s=_CLOCK_FRESH_S)
        if known is None:
            self._quick.run("now")
            known = self._clock.estimate()
        return known

    def attend(self, owner: str) -> None:
        """Redis can't tell who died: leases run out. But a store that can't be used is told now."""
        self._quick.run("now")

    def create(self, jobs: Sequence[NewJob], *, limits: Mapping[str, Limit] = NO_LIMITS) -> list[Job]:
        if not jobs:
            return []
        tenants = {job.tenant for job in jobs}
        named = {tenant: limit for tenant, limit in limits.items() if tenant in tenants}
        new = [rows.new_row(job) for job in jobs]
        reply = self._group(len(jobs)).run("create", new, rows.limits_of(named))
        return rows.created_jobs(reply, jobs, named)

    def get(self, ids: Sequence[str]) -> dict[str, Job]:
        found: dict[str, Job] = {}
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            found |= {job.id: job for job in map(rows.job_of, self._group(len(chunk)).run("get", list(chunk)) or ())}
        return found

    def find(
        self,
        *,
        statuses: Iterable[Status] = (),
        task: str | None = None,
        tenant: str | None = None,
        subject: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        found: list[Job] = []
        wanted = [*statuses] or [*Status]
        below: float = 1e18
        while below and len(found) < limit:
            some, n = self._slow.run(
                "find", wanted, rows.given(task), rows.given(tenant), rows.given(subject), below, _CHUNK,
                limit - len(found),
            )  # fmt: skip
            found += map(rows.job_of, some or ())
            below = n or 0.0
        return found

    def mark_published(self, ids: Sequence[str], *, at: float | None = None) -> None:
        if ids:
            self._group(len(ids)).run("mark", list(ids), self.now() if at is None else at)

    def claim(
        self, ids: Sequence[str], owner: str, lease_s: float, *, max_crashes: int, max_deaths: int | None = None
    ) -> list[Claim]:
        if not ids:
            return []
        names = [("claim", each, owner) for each in ids]
        with self._unsure.learning(self._group(len(ids)), names) as asked:
            reply = asked.run(
                "claim", owner, lease_s, max_crashes, rows.given(max_deaths), list(ids), asked.before
            )  # fmt: skip
        return [rows.claim_of(each) for each in reply]

    def renew(self, ids: Sequence[str], owner: str, lease_s: float) -> list[Signal]:
        if not ids:
            return []
        reply = self._quick.run("renew", list(ids), owner, lease_s)
        return [rows.signal_of(job_id, each) for job_id, each in zip(ids, reply, strict=True)]

    def release(
        self,
        ids: Sequence[str],
        owner: str,
        *,
        not_before: float | None = None,
        count_attempt: bool = False,
        note: NewNote | None = None,
    ) -> None:
        if not ids:
            return
        start = encode({"text": ""} if note is None else {"text": "", "reason": note.what})
        said = rows.notes_of([note])[0] if note else False
        self._group(len(ids)).run("release", list(ids), owner, rows.given(not_before), count_attempt, start, said)
        self._listener.hear([*ids, FLAGS])

    def finish(self, finishes: Sequence[Finish]) -> list[bool]:
        if not finishes:
            return []
        names = [("finish", each.job_id, f"{each.owner} {each.attempt}") for each in finishes]
        with self._unsure.learning(self._group(len(finishes)), names) as asked:
            ends = [rows.ended(each, before) for each, before in zip(finishes, asked.before, strict=True)]
            reply: list[bool] = asked.run("finish", ends)
        self._listener.hear([*(each.job_id for each in finishes), FLAGS])
        return reply

    def request_cancel(self, ids: Sequence[str]) -> dict[str, Status]:
        return self._ended("cancel", ids)

    def erase(self, ids: Sequence[str]) -> dict[str, Status]:
        return self._ended("erase", ids)

    def _ended(self, what: str, ids: Sequence[str]) -> dict[str, Status]:
        if not ids:
            return {}
        reply = self._group(len(ids)).run(what, list(ids))
        found = {job_id: Status(status) for job_id, status in zip(ids, reply, strict=True) if status}
        self._listener.hear([*(job_id for job_id, status in found.items() if status.is_terminal), FLAGS])
        return found

    def append(self, job_id: str, attempt: int, events: Sequence[NewEvent]) -> int:
        last: int = self._quick.run("append", job_id, attempt, rows.events_of(events))
        self._listener.hear([job_id])
        return last

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        lines = self._quick.run("events", job_id, max(0, after), limit) or ()
        return [rows.event_of(job_id, seq, line) for seq, line in enumerate(lines, max(0, after) + 1)]

    def changed(self, since: int, ids: Sequence[str] | None = None) -> int:
        return self._listener.number([FLAGS] if ids is None else ids)

    def tell(self, notes: Mapping[str, Sequence[NewNote]]) -> None:
        if notes:
            self._group(len(notes)).run("tell", {job_id: rows.notes_of(each) for job_id, each in notes.items()})

    def history(self, job_id: str) -> list[Note]:
        return [rows.note_of(line) for line in self._quick.run("history", job_id) or ()]

    def unrung(self, *, grace_s: float, limit: int = 500) -> list[Job]:
        return [rows.job_of(row) for row in self._slow.run("unrung", grace_s, LONG_UNCLAIMED * grace_s, limit) or ()]

    def expire_overdue(self) -> list[Job]:
        jobs = [rows.job_of(row) for row in self._slow.run("expire", _CHUNK) or ()]
        self._listener.hear(job.id for job in jobs)
        return jobs

    def bury(self, *, queue: str, reason: str, body: str, job_id: str | None = None, task: str | None = None) -> None:
        body = body.encode("utf-8", "backslashreplace").decode("utf-8")
        self._quick.run("bury", queue, reason, body, rows.given(job_id), rows.given(task))

    def dead_letters(self, limit: int = 50, *, ids: Sequence[int] | None = None) -> list[DeadLetter]:
        wanted = False if ids is None else sorted(set(ids), reverse=True)
        letters = self._slow.run("letters", limit, wanted) or ()
        return [rows.letter_of(number, text) for number, text in letters][:limit]

    def drop_dead(self, ids: Sequence[int] | None = None) -> int:
        if ids is not None:
            return sum(self._slow.run("drop", list(ids[at : at + _CHUNK])) for at in range(0, len(ids), _CHUNK))
        total = 0
        while letters := self.dead_letters(_CHUNK):
            total += self.drop_dead([letter.id for letter in letters])
        return total

    def sweep(self, *, result_ttl_s: float) -> Swept:
        before = self.now() - result_ttl_s
        jobs, refs = 0, list[str]()
        while True:
            number, some, letters = self._slow.run("sweep", before, _SWEEP_CHUNK)
            jobs += number
            refs += some or ()
            if not number and not letters:
                return Swept(jobs, tuple(refs))

    def lead(self, owner: str, lease_s: float) -> bool:
        is_leader: bool = self._quick.run("lead", owner, lease_s)
        return is_leader

    def stats(self) -> StoreStats:
        counts, oldest, letters = self._quick.run("stats", [*Status])
        return StoreStats(
            by_status=dict(zip(Status, counts, strict=True)),
            oldest_queued_age_s=None if oldest is False else max(0.0, float(oldest)),
            dead_letters=letters,
        )

    def tallies(self) -> list[Tally]:
        return tallies(self._slow)

    def upkeep(self, *, most_unrung: int = MOST_UNRUNG) -> Upkeep:
        leader, unrung, letters = self._slow.run(
            "upkeep", UPKEEP_GRACE_S, LONG_UNCLAIMED * UPKEEP_GRACE_S, most_unrung
        )  # fmt: skip
        return Upkeep(leader or None, unrung, letters)

    def close(self) -> None:
        self._listener.close()
        self._quick.close()
        self._slow.close()
