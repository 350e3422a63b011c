"""The output file of a run: whole lines appended as answers come, cut back after a crash, cleaned when rows change."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from storehand.bulk.ledger import Ledger, Written
from storehand.errors import InvalidInput, Unavailable

_COPY = 1 << 20
_MOST_PENDING = 1000


def run_folder(path: Path) -> Path:
    """Where the ledger of an output lies."""
    return path.with_name(path.name + ".run")


class Output:
    """Open for one run. `restart` throws an earlier output and its ledger away."""

    def __init__(self, path: Path, *, restart: bool = False) -> None:
        self.path = path
        folder = run_folder(path)
        if not path.parent.is_dir():
            raise InvalidInput(f"there is no folder {path.parent}")
        if path.exists() and not folder.exists() and path.stat().st_size and not restart:
            raise InvalidInput(
                f"{path} exists and was not written by `storehand bulk`",
                details={"advice": "choose another -o, or write it anew: --restart"},
            )
        if restart and folder.exists():
            Ledger(folder).close()  # refuses while somebody writes
            shutil.rmtree(folder)
        self.ledger = Ledger(folder)
        try:
            self._finish_swap()
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if restart:
                os.ftruncate(self._file, 0)
            self.lost = self._cut_back()
        except OSError as error:
            self.ledger.close()
            raise InvalidInput(f"can't write {path}: {error.strerror or error}") from None
        self._pending: list[Written] = []
        self._texts: list[bytes] = []

    @property
    def is_empty(self) -> bool:
        return self._stop == 0

    def head(self, text: str) -> None:
        """The first line of a table; only for an empty output."""
        data = text.encode("utf-8", "backslashreplace")
        self._write(data)
        self._stop = len(data)
        self.ledger.head(self._stop)
        self.ledger.commit([])

    def add(self, text: str, *, digest: bytes, row: int, status: str, tries: int) -> None:
        """One row's text, whole lines; empty where the format says nothing about such a row."""
        data = text.encode("utf-8", "backslashreplace")
        self._texts.append(data)
        self._pending.append(Written(digest, row, status, tries, self._stop, self._stop + len(data)))
        self._stop += len(data)
        if len(self._pending) >= _MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """What was added stands in the file, then in the ledger."""
        pending, self._pending = self._pending, []
        texts, self._texts = self._texts, []
        if pending:
            self._write(b"".join(texts))
            try:
                self.ledger.commit(pending)
            except sqlite3.Error as error:
                raise Unavailable(f"can't write the ledger of {self.path}: {error}") from error

    def clean(self, *, unseen: bool, by_row: bool) -> int:
        """Takes replaced answers out, and with `unseen` those of rows that are gone; they go to
        `<output>.superseded.jsonl`. Returns how many went."""
        self.flush()
        count = self.ledger.stale(unseen=unseen)
        if count:
            self._rewrite(unseen=unseen, by_row=by_row)
        return count

    def close(self) -> None:
        """Whatever happened before: the output ends where the ledger says."""
        try:
            self.flush()
        finally:
            with suppress(OSError, sqlite3.Error):
                os.ftruncate(self._file, self.ledger.end())
            os.close(self._file)
            self.ledger.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise Unavailable(
                f"can't write {self.path}: {error.strerror}; run the same command again to go on"
            ) from error

    def _cut_back(self) -> int:
        """Brings file and ledger to the same end; returns how many rows must be written again."""
        size = os.fstat(self._file).st_size
        lost = self.ledger.forget_from(size)
        self._stop = self.ledger.end()
        os.ftruncate(self._file, self._stop)
        os.lseek(self._file, 0, os.SEEK_END)
        return lost

    @property
    def _fresh(self) -> Path:
        return run_folder(self.path) / "new"

    def _rewrite(self, *, unseen: bool, by_row: bool) -> None:
        """New file first, ledger second, then the swap; a crash between is mended at the next start."""
        moved: list[tuple[int, int, bytes, int]] = []
        aside = self.path.with_name(self.path.name + ".superseded.jsonl")
        with self.path.open("rb") as old, self._fresh.open("wb") as new, aside.open("ab") as gone:
            new.write(old.read(self.ledger.head_stop))
            for digest, nth, start, stop, stays in self.ledger.places(unseen=unseen, by_row=by_row):
                old.seek(start)
                if stays:
                    moved.append((new.tell(), new.tell() + stop - start, digest, nth))
                (new if stays else gone).write(old.read(stop - start))
            new.flush()
            os.fsync(new.fileno())
        self.ledger.move(moved, unseen=unseen)
        self._finish_swap()
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self._stop = os.lseek(self._file, 0, os.SEEK_END)

    def _finish_swap(self) -> None:
        if self.ledger.awaits_swap:
            if self._fresh.exists():
                self._fresh.replace(self.path)
            self.ledger.swapped()
