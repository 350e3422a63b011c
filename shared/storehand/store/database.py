"""One SQLite file: how it is opened, who reads on which connection, what happens in a forked child."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from storehand.errors import Unavailable
from storehand.files import create_private
from storehand.forks import Gate, abandon, guard_forks
from storehand.mounts import refuse_network
from storehand.store.commits import CommitGroup, Work

T = TypeVar("T")

_BUSY_S = 5.0
_OPEN_TRIES = 50


def _new_epoch() -> int:
    """Versions of different connections must not be taken for one another."""
    return random.getrandbits(30) + 1


class Database:
    """Writes go through one connection in group commits, reads through a small stack of connections."""

    def __init__(self, path: Path, *, synchronous: str, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = Path(os.path.realpath(path))  # as SQLite does: what lies beside the file is found by all
        self._synchronous = synchronous
        self._prepare = prepare
        self._is_closed = False
        self.gate = Gate()
        self._readers: list[sqlite3.Connection] = []  # list.pop and append are atomic
        self._watch: sqlite3.Connection | None = None
        self._group: CommitGroup | None = None
        self._epoch = _new_epoch()
        self._watch_lock = threading.Lock()
        self._open_lock = threading.Lock()
        self._create_file()
        with self._translated():
            self._commits()
        guard_forks(self)

    def write(self, work: Work[T]) -> T:
        """The value of `work`, committed. Unavailable when the file can't be written in time; then nothing of it is
        stored, unless the disk failed in the middle: what a power loss leaves of that, nobody knows."""
        with self._translated(is_write=True), self.gate:
            return self._commits().run(work)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for a few reads."""
        with self._translated(), self.gate:
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            finally:
                if self._is_closed:
                    connection.close()
                else:
                    self._readers.append(connection)

    def version(self) -> int:
        """Differs from an earlier value after a commit by any connection of any process."""
        with self._translated(), self.gate, self._watch_lock:
            if self._watch is None:  # its own connection: PRAGMA data_version does not see the connection's own commits
                self._watch = self._connect()
            number: int = self._watch.execute("PRAGMA data_version").fetchone()[0]
        return (self._epoch << 32) + number

    def forget(self) -> None:
        """Empties the log of earlier writes, so that what was deleted is in no file any more; a reader who is busy puts
        that off until the log is next begun anew."""
        with self._translated(), self.gate:
            self._commits().checkpoint()

    def close(self) -> None:
        self._is_closed = True
        while self._readers:
            self._readers.pop().close()
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()
        if self._group is not None:
            self._group.close()

    def after_fork(self) -> None:
        """SQLite connections must not cross a fork: the child opens its own at first use."""
        abandon(self._group, self._readers, self._watch)
        self._readers, self._watch, self._group = [], None, None
        self._epoch = _new_epoch()
        self.gate = Gate()
        self._watch_lock = threading.Lock()
        self._open_lock = threading.Lock()

    def _commits(self) -> CommitGroup:
        if self._group is None:
            with self._open_lock:
                if self._group is None:
                    connection = self._connect()
                    self._prepare(connection)
                    self._group = CommitGroup(connection)
        return self._group

    def _connect(self) -> sqlite3.Connection:
        if self._is_closed:
            raise sqlite3.ProgrammingError("the store is closed")
        db = sqlite3.connect(
            self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            self._use_wal(db)
            db.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            db.close()
            raise
        return db

    @staticmethod
    def _use_wal(db: sqlite3.Connection) -> None:
        for left in reversed(range(_OPEN_TRIES)):
            try:
                db.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError:  # two openers at once: SQLite does not honour the busy timeout here
                if not left:
                    raise
                time.sleep(0.02)

    def _create_file(self) -> None:
        refuse_network(self.path)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private(self.path)
        except OSError as error:
            raise Unavailable(f"the job store {self.path} can't be opened: {error}") from error

    @contextmanager
    def _translated(self, *, is_write: bool = False) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            details = {"is_stored": False} if is_write and "I/O" not in str(error) else None
            raise Unavailable(f"the job store {self.path} can't be used: {error}", details=details) from error
