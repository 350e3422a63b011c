"""Brings rows of one group together, however they lie in the file, on disk and not in memory."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path

from storehand.bulk.rows import Row

_BATCH = 1000


class Spool:
    """Rows by the value of one column, groups in the order of their first rows; gone at `close`. The file's rows must
    be JSON-ready but for dates."""

    def __init__(self, rows: Iterable[tuple[str, Row]]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="storehand-bulk-")
        self._db = sqlite3.connect(Path(self._folder.name) / "rows.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE rows (key TEXT NOT NULL, n INTEGER NOT NULL, line INTEGER, cells TEXT NOT NULL)")
        self._fill(rows)
        self._db.execute("CREATE TABLE groups AS SELECT key, min(n) AS first FROM rows GROUP BY key ORDER BY first")
        self._db.execute("CREATE INDEX by_key ON rows (key, n)")
        self.count = int(self._db.execute("SELECT count(*) FROM groups").fetchone()[0])

    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        select = "SELECT groups.key, n, line, cells FROM groups JOIN rows ON rows.key = groups.key ORDER BY first, n"
        with closing(self._db.cursor()) as cursor:
            for key, found in groupby(cursor.execute(select), key=lambda row: row[0]):
                yield str(key), [Row(n, json.loads(cells), line) for _, n, line, cells in found]

    def close(self) -> None:
        self._db.close()
        self._folder.cleanup()

    def _fill(self, rows: Iterable[tuple[str, Row]]) -> None:
        batch: list[tuple[str, int, int | None, str]] = []
        self._db.execute("BEGIN")
        for key, row in rows:
            batch.append((key, row.number, row.line, json.dumps(dict(row.cells), ensure_ascii=False, default=str)))
            if len(batch) >= _BATCH:
                self._write(batch)
                batch.clear()
        self._write(batch)
        self._db.execute("COMMIT")

    def _write(self, batch: list[tuple[str, int, int | None, str]]) -> None:
        self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", batch)
