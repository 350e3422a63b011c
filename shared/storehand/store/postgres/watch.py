"""Whether jobs have changed, by anybody: one cheap question for all threads of the process.

A poll, not LISTEN/NOTIFY: a commit that notifies takes one lock for the whole server until its fsync is over, so all
workers' commits would queue up behind each other; every listener is woken by every job of everybody; and a pooler in
transaction mode carries no LISTEN. The poll compares the server's snapshot first: while nobody commits it touches no
row, else it looks the awaited jobs up by their ids (a hundred of them: about 0.2 ms of the server).
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storehand.store.postgres.link import Link
from storehand.store.postgres.links import Links

INTERVAL_S = 0.01
"""Least time between two questions of a process; four times what the last one took, if that is longer."""

_FORGET_S = 5.0
"""A job nobody asked about for so long is not looked up any more."""

_ASK = """
WITH s AS MATERIALIZED (SELECT pg_current_snapshot()::text AS now)
SELECT NULL AS id, NULL::integer AS seq, s.now FROM s
UNION ALL
SELECT k.id, coalesce(j.last_seq, -1), NULL FROM s, json_to_recordset(%(known)s) AS k(id text, seq integer)
LEFT JOIN $.jobs j ON j.id = k.id
WHERE s.now <> %(seen)s AND coalesce(j.last_seq, -1) <> k.seq
"""


@dataclass(slots=True)
class _Awaited:
    """`seq` is the job's last event as we know it: none before the first look, so one that has some is reported."""

    number: int
    asked_at: float
    seq: int = 0


class Watch:
    def __init__(self, links: Links) -> None:
        self._links = links
        self._known: str | None = None
        """What is awaited, as the question carries it; none once that has changed."""
        self._begin()
        links.in_child.append(self._begin)

    def changed(self, ids: Sequence[str] | None) -> int:
        now = time.monotonic()
        if ids is not None:
            for job_id in ids:
                self._listen(job_id, now)
        if now >= self._due and self._asking.acquire(blocking=False):  # one asks, the others take what is known
            try:
                self._ask()
            finally:
                self._asking.release()
        if ids is None:
            return self._any
        awaited = self._awaited
        return max((each.number for job_id in ids if (each := awaited.get(job_id))), default=0)

    def touch(self, told: Mapping[str, int]) -> None:
        """This process has written, the last events of these jobs among it: its own threads need not wait for the next
        question."""
        with self._lock:
            self._number += 1
            self._any = self._number
            for job_id in told.keys() & self._awaited.keys():
                awaited = self._awaited[job_id]
                awaited.number, awaited.seq = self._number, told[job_id]
                self._known = None

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._number = (random.getrandbits(30) + 1) << 32  # of two stores none is taken for the other's
        self._any = self._number
        self._awaited: dict[str, _Awaited] = {}
        self._known = None
        self._seen = ""
        self._due = 0.0

    def _listen(self, job_id: str, now: float) -> None:
        awaited = self._awaited.get(job_id)
        if awaited is not None:
            awaited.asked_at = now
            return
        with self._lock:
            self._number += 1
            self._awaited[job_id] = _Awaited(self._number, now)
            self._known, self._seen = None, ""

    def _ask(self) -> None:
        began = time.monotonic()
        try:
            self._learn(self._links.read(self._question))
        finally:
            ended = time.monotonic()
            self._due = ended + max(INTERVAL_S, 4 * (ended - began))

    def _question(self, link: Link) -> Sequence[tuple[str | None, int, str]]:
        with self._lock:
            if self._known is None:
                self._known = self._tidy()
            values = {"known": self._known, "seen": self._seen}
        return link.run(_ASK, values).fetchall()

    def _tidy(self) -> str:
        long_ago = time.monotonic() - _FORGET_S
        self._awaited = {job_id: each for job_id, each in self._awaited.items() if each.asked_at > long_ago}
        return json.dumps([{"id": job_id, "seq": each.seq} for job_id, each in self._awaited.items()])

    def _learn(self, rows: Sequence[tuple[str | None, int, str]]) -> None:
        with self._lock:
            for job_id, seq, snapshot in rows:
                if job_id is None:
                    if snapshot != self._seen:
                        self._number += 1
                        self._seen, self._any = snapshot, self._number
                elif (awaited := self._awaited.get(job_id)) is not None:
                    self._number += 1
                    awaited.number, awaited.seq = self._number, seq
                    self._known = None
