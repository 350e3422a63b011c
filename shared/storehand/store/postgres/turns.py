"""Group commit: what many threads want written at the same time goes into one transaction of two round trips: lock and
read all rows, decide in memory, write and commit all. One fsync serves everybody who waits.

A commit whose answer is lost is looked up by the mark it leaves, so nothing is done twice and nothing done is reported
as failed; only a server that stays away leaves a doubt, which the next transaction settles. Its transaction id only
tells whether it still goes on: a server that crashes gives an id that it had not written down to another transaction.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from storehand.errors import StorehandError
from storehand.store.postgres.link import Link, is_connection_lost, is_worth_repeating
from storehand.store.postgres.links import TRIES, Links
from storehand.store.postgres.tallies import COUNTS
from storehand.store.postgres.transaction import Transaction
from storehand.store.postgres.unit import Call, Late, Unit
from storehand.store.postgres.writes import Mark

T = TypeVar("T")

MOST_ROWS = 2000
"""In one transaction."""

_MOST_PATIENCE = 1.6
"""How long all tries of one transaction may take, in times of what one answer may."""

_PAUSE_S = 0.05
_UNKNOWN_XID = errors.InvalidParameterValue


@dataclass(slots=True, eq=False)
class _Waiting:
    call: Call[Any]
    wake: threading.Lock
    leads: bool = False
    is_done: bool = False


class Turns:
    """One thread at a time does the work of all who wait; then it wakes them, and one of those that came meanwhile."""

    def __init__(
        self,
        links: Links,
        *,
        clock: Callable[[], float] | None,
        on_begun: Callable[[float, float], None],
        on_written: Callable[[Unit], None],
    ) -> None:
        self._links = links
        self._clock = clock
        self._on_begun = on_begun
        self._on_written = on_written
        self._late = Late()
        self._is_led = False
        self._begin()
        links.in_child.append(self._begin)

    def run(self, call: Call[T]) -> T:
        """The value of `call`, committed; its error undoes its own writes and nobody else's."""
        mine = _Waiting(call, threading.Lock())
        mine.wake.acquire()
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._is_led = not self._is_led, True
        try:
            if not mine.leads:
                mine.wake.acquire()
            if not mine.is_done:
                self._lead(mine)
        except BaseException:  # Ctrl-C while it waits: the others must not wait for one that has left
            self._leave(mine)
            raise
        return call.result()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._is_led = False
        self._doubts: list[tuple[str, Mark, Sequence[Call[Any]]]] = []
        self._mark = Mark(COUNTS + secrets.token_hex(8), 0)

    def _lead(self, mine: _Waiting) -> None:
        with self._lock:
            taken = self._take(mine)
        try:
            self._commit([each.call for each in taken])
        finally:
            self._pass_on(mine)
            for each in taken:
                each.is_done = True
                if each is not mine:
                    each.wake.release()

    def _pass_on(self, mine: _Waiting) -> None:
        with self._lock:
            mine.leads = False
            successor = self._waiting[0] if self._waiting else None
            self._is_led = successor is not None
            if successor is not None:
                successor.leads = True
                successor.wake.release()

    def _leave(self, mine: _Waiting) -> None:
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if mine.leads:
            self._pass_on(mine)

    def _take(self, mine: _Waiting) -> list[_Waiting]:
        """As many as make a transaction of a sensible size, the leader's own first."""
        taken, rest, rows = [mine], list[_Waiting](), len(mine.call.ids) + len(mine.call.new)
        for each in self._waiting:
            if each is mine:
                continue
            rows += len(each.call.ids) + len(each.call.new)
            (taken if rows <= MOST_ROWS else rest).append(each)
        self._waiting = rest
        return taken

    def _commit(self, calls: list[Call[Any]]) -> None:
        until = time.monotonic() + _MOST_PATIENCE * self._links.patience_s
        try:
            self._insist(calls, until)
        except Exception as error:
            is_nobodys_fault = isinstance(error, StorehandError) or is_connection_lost(error)
            if len(calls) == 1 or is_nobodys_fault or time.monotonic() > until:
                self._fail(calls, error)
                return
            for call in calls:  # one of them brought it: each for itself then
                self._commit([call])
        except BaseException as error:
            self._fail(calls, error)
            raise

    def _fail(self, calls: Sequence[Call[Any]], error: BaseException) -> None:
        for call in calls:  # each caller raises an exception of its own
            if isinstance(error, StorehandError):
                call.error = type(error)(error.message, details=error.details)
            elif isinstance(error, psycopg.Error) or not isinstance(error, Exception):
                call.error = self._links.unavailable(error)
            else:  # a mistake of ours
                call.error = error
                continue
            call.error.__cause__ = error

    def _insist(self, calls: Sequence[Call[Any]], until: float) -> None:
        for left in reversed(range(TRIES)):
            self._mark = self._mark._replace(serial=self._mark.serial + 1)
            transaction = Transaction(calls, self._late, self._mark, clock=self._clock)
            try:
                self._settle_doubts(until)
                with self._links.borrowed(min(self._links.patience_s, until - time.monotonic())) as link:
                    transaction.run(link)
                self._tell(transaction)
                return
            except psycopg.Error as error:
                is_lost = is_connection_lost(error)
                if is_lost and transaction.xid is not None and self._has_committed(transaction, until):
                    self._tell(transaction)
                    return
                if not (is_lost or is_worth_repeating(error)) or not left or time.monotonic() > until:
                    raise
            except BaseException:
                self._doubt(transaction)
                raise
            time.sleep(_PAUSE_S)

    def _tell(self, transaction: Transaction) -> None:
        self._on_begun(*transaction.began)
        if transaction.unit is not None and transaction.is_sent:
            self._on_written(transaction.unit)

    def _has_committed(self, transaction: Transaction, until: float) -> bool:
        """Looks the transaction up; raises when that can't be done, and then it is in doubt."""
        assert transaction.xid is not None
        try:
            return self._is_written(transaction.xid, transaction.mark, until)
        except (psycopg.Error, StorehandError):
            self._doubt(transaction)
            raise

    def _doubt(self, transaction: Transaction) -> None:
        if transaction.xid is not None:
            calls = [call for call in transaction.calls if call.error is None]
            self._doubts.append((transaction.xid, transaction.mark, calls))

    def _settle_doubts(self, until: float) -> None:
        while self._doubts:
            xid, mark, calls = self._doubts[-1]
            if self._is_written(xid, mark, until):
                for call in calls:
                    call.late(self._late)
            self._doubts.pop()

    def _is_written(self, xid: str, mark: Mark, until: float) -> bool:
        """Whether it was committed. Waits while the server has not made up its mind: the old session may still be
        there, and must have ended before anything is done again."""
        while self._goes_on(xid, until):
            if time.monotonic() > until:
                raise psycopg.OperationalError("the server does not say whether it has written")
            time.sleep(_PAUSE_S)
        with self._borrowed_for(until) as link:
            return link.run("SELECT FROM $.marks WHERE nonce = %s AND serial = %s", mark).fetchone() is not None

    def _goes_on(self, xid: str, until: float) -> bool:
        with self._borrowed_for(until) as link, contextlib.suppress(_UNKNOWN_XID):
            row = link.run("SELECT pg_xact_status(%s::text::xid8)", (xid,)).fetchone()
            return row is not None and row[0] == "in progress"
        return False  # a server that does not know this id is a successor that never saw it

    def _borrowed_for(self, until: float) -> contextlib.AbstractContextManager[Link]:
        return self._links.borrowed(max(0.5, until - time.monotonic()))
