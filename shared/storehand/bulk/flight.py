"""Jobs in flight: submitted in envelopes with keys, looked at together, handed back as they end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from storehand.bulk.ledger import Ledger
from storehand.bulk.unit import Unit
from storehand.errors import IdempotencyConflict
from storehand.job import Job, Outcome, Priority, Status

if TYPE_CHECKING:
    from storehand.client import Client

log = logging.getLogger("storehand.bulk")

_LEFT_BEHIND = (Status.CANCELLED, Status.EXPIRED)
_SHARE = 9
"""A look at the rows may take a tenth of the time: on a small machine the rest belongs to the worker."""

_LOOK_S = 0.05


class Flight:
    """`began` is the store's time at the start of the run: jobs that ended cancelled or expired before it belong to an
    interrupted run and are asked for again under a new key."""

    def __init__(
        self, client: Client, ledger: Ledger, *, priority: Priority, deadline_s: float | None, tenant: str | None
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._priority = priority
        self._deadline = None if deadline_s is None else timedelta(seconds=deadline_s)
        self._tenant = tenant
        self._waiting: dict[str, list[Unit]] = {}
        self._again: list[Unit] = []
        self._began = client.store.now()
        self._seen = -1
        self._next_look = 0.0
        self._has_new = False
        self.started_at: float | None = None
        """Monotonic time at which a job of this run was last seen running or ended; none before the first."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values())) + len(self._again)

    @property
    def ids(self) -> list[str]:
        return list(self._waiting)

    def submit(self, units: Sequence[Unit]) -> None:
        """Raises Unavailable when the store can't be reached: then none of them is in flight."""
        units = [replace(unit, tries=max(unit.tries, self._ledger.tries(unit.digest))) for unit in units]
        try:
            self._send(units)
        except IdempotencyConflict:
            for unit in units:  # another version of the program wrote the same row otherwise
                self._send_alone(unit)

    def ended(self, patience_s: float) -> Iterator[tuple[Unit, Job, Outcome]]:
        """Those that have ended since the last call, at once or after at most `patience_s`."""
        if self._again:
            self.submit(self._again)
            self._again = []
        if not self._has_changed(patience_s):
            return
        looked = time.monotonic()
        found = self._client.store.get(list(self._waiting))
        for job_id in list(self._waiting):
            job = found.get(job_id)
            if job is None:  # swept while we waited: ask anew
                self._again += self._waiting.pop(job_id)
            elif job.outcome is not None and self._is_left_behind(job):
                self._again += [self._tried(unit) for unit in self._waiting.pop(job_id)]
            elif job.outcome is not None:
                self.started_at = time.monotonic()
                for unit in self._waiting.pop(job_id):
                    yield unit, job, job.outcome
            elif job.status is Status.RUNNING:
                self.started_at = time.monotonic()
        now = time.monotonic()
        self._next_look = now + max(_LOOK_S, _SHARE * (now - looked))

    def cancel(self) -> None:
        """Ends what waits, asks what runs to stop."""
        self._client.store.request_cancel(self.ids)

    def _send(self, units: Sequence[Unit]) -> None:
        handles = self._client.submit_many(
            [unit.input for unit in units],
            idempotency_keys=[unit.key(self._ledger.run) for unit in units],
            priority=self._priority,
            deadline=self._deadline,
            tenant=self._tenant,
        )
        for handle, unit in zip(handles, units, strict=True):
            self._waiting.setdefault(handle.id, []).append(unit)
        self._has_new = True

    def _send_alone(self, unit: Unit) -> None:
        while True:
            try:
                return self._send([unit])
            except IdempotencyConflict:
                unit = self._tried(unit)

    def _tried(self, unit: Unit) -> Unit:
        self._ledger.try_again(unit.digest, unit.tries + 1)
        return replace(unit, tries=unit.tries + 1)

    def _is_left_behind(self, job: Job) -> bool:
        return job.status in _LEFT_BEHIND and (job.finished_at or 0) < self._began

    def _has_changed(self, patience_s: float) -> bool:
        end = time.monotonic() + patience_s
        while True:
            now = time.monotonic()
            if now >= self._next_look:
                number = self._client.store.changed(self._seen, self.ids)
                if number != self._seen or self._has_new:
                    self._seen, self._has_new = number, False
                    return bool(self._waiting)
            if now >= end:
                return False
            time.sleep(min(max(self._next_look - now, 0.01), max(end - now, 0.0)))
