"""What a bulk run has written so far: one SQLite file beside the output, the witness a resumed run goes by.

The output is written first, the ledger second. After a kill the output is cut back to what the ledger knows; the rows
that fell off are found again in the job store by their keys and written without a second run.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storehand.errors import InvalidInput

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    digest BLOB NOT NULL, nth INTEGER NOT NULL, row INTEGER NOT NULL, status TEXT NOT NULL, tries INTEGER NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, pass INTEGER NOT NULL, PRIMARY KEY (digest, nth)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_place ON rows (stop);
CREATE TABLE IF NOT EXISTS tries (digest BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One row's lines in the output: bytes `start` to `stop`."""

    digest: bytes
    row: int
    status: str
    tries: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Known:
    """A row that an earlier pass, or an earlier equal row, has written."""

    nth: int
    status: str
    tries: int


class Ledger:
    """One process at a time: InvalidInput while another one holds it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")
        try:
            self._db = sqlite3.connect(folder / "ledger.db", isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
            self.run = self._meta("run") or self._set("run", uuid.uuid4().hex[:16])
            self._pass = int(self._meta("pass") or 0) + 1
            self._set("pass", str(self._pass))
        except sqlite3.Error as error:
            os.close(self._lock)
            raise InvalidInput(
                f"{folder} can't be used: {error}", details={"advice": "begin anew: --restart"}
            ) from None
        self._has_past = self._db.execute("SELECT 1 FROM rows LIMIT 1").fetchone() is not None
        self._db.execute("BEGIN")

    def close(self) -> None:
        with suppress(sqlite3.Error):  # a full disk: what was committed before stands
            self._db.execute("COMMIT")
        self._db.close()
        os.close(self._lock)

    def commit(self, written: Sequence[Written]) -> None:
        """These rows stand in the output, which has been flushed."""
        insert = (
            "INSERT INTO rows SELECT ?1, coalesce((SELECT max(nth) FROM rows WHERE digest = ?1), 0) + 1,"
            " ?2, ?3, ?4, ?5, ?6, ?7"
        )
        self._db.executemany(
            insert, [(w.digest, w.row, w.status, w.tries, w.start, w.stop, self._pass) for w in written]
        )
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def take(self, digest: bytes) -> Known | None:
        """A row with this content that no row of this pass has taken yet."""
        if not self._has_past:
            return None
        select = "SELECT nth, status, tries FROM rows WHERE digest = ? AND pass <> ? AND pass >= 0 ORDER BY nth LIMIT 1"
        found = self._db.execute(select, (digest, self._pass)).fetchone()
        if found is None:
            return None
        self._mark(digest, found[0], self._pass)
        return Known(*found)

    def replace(self, digest: bytes, nth: int) -> None:
        """The answer is no longer wanted: it leaves the output when the run is complete."""
        self._mark(digest, nth, -1)

    def tries(self, digest: bytes) -> int:
        found = self._db.execute("SELECT n FROM tries WHERE digest = ?", (digest,)).fetchone()
        return int(found[0]) if found else 0

    def try_again(self, digest: bytes, tries: int) -> None:
        """From now on this content's job has another key."""
        self._db.execute("INSERT OR REPLACE INTO tries VALUES (?, ?)", (digest, tries))
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def end(self) -> int:
        """Where the output ends by the ledger."""
        stop = self._db.execute("SELECT max(stop) FROM rows").fetchone()[0]
        return int(stop or self._meta("head") or 0)

    def forget_from(self, size: int) -> int:
        """Forgets rows that the output, `size` bytes long, does not hold; returns how many."""
        if size < int(self._meta("head") or 0):
            self._set("head", "0")
        return self._db.execute("DELETE FROM rows WHERE stop > ?", (size,)).rowcount

    def stale(self, *, unseen: bool) -> int:
        """How many answers are to leave the output: replaced ones and, with `unseen`, those whose row is gone."""
        limit = self._pass if unseen else 0
        return int(self._db.execute("SELECT count(*) FROM rows WHERE pass < ?", (limit,)).fetchone()[0])

    def places(self, *, unseen: bool, by_row: bool) -> Iterator[tuple[bytes, int, int, int, bool]]:
        """(digest, nth, start, stop, stays) in the order of the output, or of the rows."""
        limit = self._pass if unseen else 0
        order = "row, start" if by_row else "start"
        select = f"SELECT digest, nth, start, stop, pass >= ? FROM rows ORDER BY {order}"  # noqa: S608  # two constants
        yield from ((d, n, a, z, bool(s)) for d, n, a, z, s in self._db.execute(select, (limit,)).fetchall())

    def move(self, places: Sequence[tuple[int, int, bytes, int]], *, unseen: bool) -> None:
        """Stale rows go, the others lie at (start, stop); `swapped` says when the new output is in place."""
        self._db.execute("DELETE FROM rows WHERE pass < ?", (self._pass if unseen else 0,))
        self._db.executemany("UPDATE rows SET start = ?, stop = ? WHERE digest = ? AND nth = ?", places)
        self._set("swap", "1")
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    @property
    def awaits_swap(self) -> bool:
        return self._meta("swap") == "1"

    def swapped(self) -> None:
        self._set("swap", "0")
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def head(self, stop: int) -> None:
        """The output begins with a header of so many bytes."""
        self._set("head", str(stop))

    @property
    def head_stop(self) -> int:
        return int(self._meta("head") or 0)

    def same_options(self, options: Mapping[str, Any]) -> list[str]:
        """Names of options that differ from those the run began with; remembers them at the first call."""
        text = json.dumps(dict(options), ensure_ascii=False, sort_keys=True, default=str)
        before = self._meta("options")
        if before is None:
            self._set("options", text)
            return []
        old, new = json.loads(before), json.loads(text)
        return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))

    def counts(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT status, count(*) FROM rows WHERE pass >= 0 GROUP BY status").fetchall())

    def _mark(self, digest: bytes, nth: int, number: int) -> None:
        self._db.execute("UPDATE rows SET pass = ? WHERE digest = ? AND nth = ?", (number, digest, nth))

    def _meta(self, key: str) -> str | None:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else None

    def _set(self, key: str, value: str) -> str:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
        return value


def _locked(file: Path) -> int:
    """The kernel lets go of it when the process dies, however it dies."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InvalidInput(
            "another `storehand bulk` is writing this output",
            details={"advice": "wait for it, stop it, or choose another -o"},
        ) from None
    return descriptor
