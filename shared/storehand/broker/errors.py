"""What kombu sees when the queue file can't be used now; the client turns it into `Unavailable` at its border."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from kombu.exceptions import OperationalError


class QueueBusy(OperationalError):
    """Another process holds the write lock of the queue file; nothing was changed, try again."""


class QueueUnavailable(OperationalError, ConnectionError):
    """The queue file can't be read or written; kombu reconnects."""


class MalformedRow(ValueError):
    """A row of the queue file is no message; it belongs to the dead letters."""


@contextmanager
def kombu_errors() -> Iterator[None]:
    """Turns SQLite's errors and the file system's into the two above."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise QueueBusy(f"the queue file is locked: {error}") from error
        raise QueueUnavailable(f"the queue file can't be used: {error}") from error
    except OSError as error:
        if isinstance(error, QueueUnavailable):
            raise
        raise QueueUnavailable(f"the queue's folder can't be used: {error}") from error
