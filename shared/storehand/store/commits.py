"""Group commit: what many threads want written at the same time goes into one transaction, so one fsync serves all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_CHECKPOINT_MS = 200
Work = Callable[[sqlite3.Connection], T]


class _Call(Generic[T]):
    """One caller's wish and what became of it."""

    __slots__ = ("error", "is_done", "value", "work")

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.is_done = False
        self.value: T | None = None
        self.error: BaseException | None = None

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None only where T allows it


class CommitGroup:
    """Owns the one writing connection. Whoever gets the turn commits for everybody who waits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._waiting: list[_Call[object]] = []
        self._list_lock = threading.Lock()
        self._turn = threading.Lock()

    def run(self, work: Work[T]) -> T:
        """`work` inside a committed transaction; its error undoes its own writes and nobody else's."""
        call: _Call[T] = _Call(work)
        with self._list_lock:
            self._waiting.append(call)  # type: ignore[arg-type]  # the list does not care about T
        with self._turn:
            if not call.is_done:
                self._commit_all()
        return call.result()

    def checkpoint(self) -> None:
        """Moves the log into the file and empties it, unless a reader still needs it."""
        with self._turn:
            patience = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
            self.connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MS}")  # writers wait meanwhile
            try:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self.connection.execute(f"PRAGMA busy_timeout = {patience}")

    def close(self) -> None:
        with self._turn:
            self.connection.close()

    def _commit_all(self) -> None:
        with self._list_lock:
            calls, self._waiting = self._waiting, []
        try:
            self._transact(calls)
        except BaseException as error:
            for call in calls:  # each caller raises an exception of its own
                call.error = call.error or sqlite3.OperationalError(f"the transaction was undone: {error}")
            if not isinstance(error, sqlite3.Error):
                raise
        finally:
            for call in calls:
                call.is_done = True

    def _transact(self, calls: list[_Call[object]]) -> None:
        db = self.connection
        db.execute("BEGIN IMMEDIATE")
        try:
            for call in calls:
                self._step(call, is_alone=len(calls) == 1)
            if db.in_transaction:  # not after the error of one that came alone
                db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _step(self, call: _Call[object], *, is_alone: bool) -> None:
        db = self.connection
        if is_alone:  # the transaction is its own: it needs no savepoint to be undone to
            try:
                call.value = call.work(db)
            except Exception as error:
                call.error = error
                if db.in_transaction:
                    db.execute("ROLLBACK")
            return
        db.execute("SAVEPOINT call")
        try:
            call.value = call.work(db)
        except Exception as error:
            call.error = error
            if not db.in_transaction:  # disk full and the like roll back everything: nobody's writes stand
                raise sqlite3.OperationalError(str(error)) from error
            db.execute("ROLLBACK TO call")
        db.execute("RELEASE call")
