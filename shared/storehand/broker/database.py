"""One process's connection to the queue file: opening, transactions, forks."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from storehand.broker import schema
from storehand.broker.errors import QueueBusy, QueueUnavailable, kombu_errors
from storehand.errors import SettingsError
from storehand.files import create_private
from storehand.mounts import refuse_network

Synchronous = Literal["FULL", "NORMAL"]
OPEN_WAIT_S = 30.0

_instances: weakref.WeakSet[Database] = weakref.WeakSet()
_held: list[Database] = []  # during a fork
_inherited: list[sqlite3.Connection] = []  # a forked child must neither use nor close its parent's connections


class Database:
    """The queue file. Opens at first use, and again in a forked child. Threads may share it, one at a time."""

    def __init__(self, path: Path, *, synchronous: Synchronous = "FULL") -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise SettingsError(f"synchronous is FULL or NORMAL, not {synchronous!r}")
        self.path = Path(os.path.realpath(path))
        self._shared_memory = self.path.with_name(f"{self.path.name}-shm")
        self._synchronous = synchronous
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inodes: tuple[int, ...] = ()
        self._wait_s = -1.0
        _instances.add(self)

    @contextmanager
    def transaction(self, *, wait_s: float) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises QueueBusy when another process keeps the write lock for `wait_s`."""
        with self._lock, kombu_errors():
            connection = self._open()
            self._wait_at_most(connection, wait_s)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query; takes no lock that a writer would notice."""
        with self._lock, kombu_errors():
            return self._open().execute(statement, values).fetchall()

    def open(self) -> None:
        """Opens now, so that a wrong path or a newer schema shows at the start. Raises SettingsError."""
        with self._lock, kombu_errors():
            self._open()

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._inodes = self._found()
        elif self._found() != self._inodes:
            self.close()
            raise QueueUnavailable(f"{self.path} was removed or replaced while it was in use")
        return self._connection

    def _found(self) -> tuple[int, ...]:
        """What lies there now: the file and the index of its log. SQLite itself would go on writing into the void."""
        try:
            return self.path.stat().st_ino, self._shared_memory.stat().st_ino
        except FileNotFoundError:
            return ()

    def _connect(self) -> sqlite3.Connection:
        refuse_network(self.path)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_private(self.path)
        connection = sqlite3.connect(self.path, timeout=OPEN_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            # A row written by hand may hold bytes that are no UTF-8; they must reach us, not raise in the fetch.
            connection.text_factory = _text
            is_complete = schema.check(connection, str(self.path))
            _use_write_ahead_log(connection)
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            if not is_complete:
                schema.create(connection, str(self.path))
        except BaseException:
            connection.close()
            raise
        self._wait_s = OPEN_WAIT_S
        return connection

    def _wait_at_most(self, connection: sqlite3.Connection, wait_s: float) -> None:
        if wait_s != self._wait_s:
            connection.execute(f"PRAGMA busy_timeout={int(wait_s * 1000)}")
            self._wait_s = wait_s

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        if self._connection is not None:
            _inherited.append(self._connection)
            self._connection = None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switching needs the file for itself, and SQLite does not wait for that on its own."""
    end = time.monotonic() + OPEN_WAIT_S
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if time.monotonic() > end:
                raise QueueBusy(f"the queue file stayed locked while opening: {error}") from error
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise SettingsError(f"SQLite refuses a write-ahead log here (journal mode {mode}); use a local disk")
        return


def _before_fork() -> None:
    """No transaction may be open while we fork: the child's SQLite would believe that it holds those locks."""
    _held.extend(_instances)
    for database in _held:
        database._lock.acquire()


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop()._lock.release()


def _after_fork_in_child() -> None:
    while _held:
        _held.pop()._after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
