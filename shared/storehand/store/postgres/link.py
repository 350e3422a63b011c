"""One connection: how it is made, how long it may take, and what its errors mean."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from psycopg import conninfo, errors

from storehand.errors import SettingsError

T = TypeVar("T")
Values = Sequence[object] | Mapping[str, object]

_DEFAULTS: Mapping[str, str | int] = {
    "application_name": "storehand",
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds, as libpq wants it
    "target_session_attrs": "read-write",  # of several hosts the one that leads, never a standby
}


_OLDEST = 130_000


class TookTooLong(psycopg.OperationalError):
    """The server did not answer in time; what it was asked for may still happen."""


class Link(psycopg.Connection[tuple[Any, ...]]):
    """In autocommit mode; transactions are written out. Every wait for the server ends by a deadline of our own: a
    server that hangs, or whose packets vanish, gives no error by itself."""

    schema = ""
    is_pooled = False
    """Whether the next transaction may be another server session's: then it has to bring its settings itself."""
    _deadline = math.inf

    def allow(self, seconds: float) -> None:
        """From now on, until it is called again."""
        self._deadline = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        return self._deadline - time.monotonic()

    def run(self, statement: str, values: Values | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        """`$` stands for the schema."""
        return self.execute(_in_schema(statement, self.schema), values)

    def begin(self) -> None:
        self.execute("BEGIN")
        if self.is_pooled:
            self.execute(_settings(is_local=True))

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **named: Any) -> T:
        return super().wait(self._in_time(gen), *args, **named)

    def _in_time(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The driver looks in ten times a second while nothing comes."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > self._deadline:
                    raise TookTooLong("no answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: T = end.value
            return value

    @classmethod
    def open(cls, target: Mapping[str, Any], schema: str, *, allowed_s: float) -> Self:
        timeout = {"connect_timeout": max(2, math.ceil(allowed_s))}  # whole seconds, and libpq takes 1 for 2
        link = cls.connect(**{**timeout, **target}, autocommit=True)
        link.schema = schema
        link.allow(allowed_s)
        try:
            if link.info.server_version < _OLDEST:
                raise SettingsError(
                    f"PostgreSQL 13 or newer is needed; the server is {link.info.server_version // 10000}"
                )
            link.is_pooled = _is_pooled(link)
            if link.is_pooled:
                link.prepare_threshold = None
            else:
                link.execute(_settings(is_local=False))
        except BaseException:
            link.close()
            raise
        return link


_SETTINGS: Mapping[str, str] = {
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "5s",  # a process stopped between its two round trips loses its locks
    "enable_hashjoin": "off",  # a new table has no statistics, and then a join with a few rows reads all of it
    "enable_seqscan": "off",
    "jit": "off",
}


def _settings(*, is_local: bool) -> Any:
    calls = (f"set_config('{name}', '{value}', {str(is_local).lower()})" for name, value in _SETTINGS.items())
    return f"SELECT {', '.join(calls)}"


def _is_pooled(link: Link) -> bool:
    """PgBouncer and its like give the client process numbers of their own."""
    row = link.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] != link.info.backend_pid


@functools.cache
def _in_schema(statement: str, schema: str) -> Any:
    return statement.replace("$", f'"{schema}"')


def target_of(
    url: str, *, ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None
) -> dict[str, Any]:
    """What to connect to. What the URL says wins; a CA means that the server's name is verified too."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        given = {}
    ports = str(given.get("port", "")).replace(",", "")
    if not given or (ports and not ports.isdigit()) or "@" in str(given.get("dbname", "")):
        raise SettingsError(  # without its text, which may hold a piece of the password
            "store_url is no PostgreSQL URL; it looks like postgresql://user:password@host:5432/database, with"
            " percent-encoded signs in user and password"
        )
    tls = {"sslrootcert": str(ca_file), "sslmode": "verify-full"} if ca_file else {}
    files = {name: str(file) for name, file in (("sslcert", cert_file), ("sslkey", key_file)) if file}
    return {**_DEFAULTS, **tls, **files, **given}


def where(target: Mapping[str, Any]) -> str:
    """Host and database, without secrets: for messages."""
    return f"{target.get('host') or 'localhost'}:{target.get('port') or 5432}/{target.get('dbname') or ''}"


def is_connection_lost(error: Exception) -> bool:
    """The server may or may not have done what it was asked for."""
    if not isinstance(error, psycopg.Error):
        return False
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return True
    state = error.sqlstate or ""
    return state.startswith(("08", "57P")) or isinstance(error, errors.IdleInTransactionSessionTimeout)


def is_worth_repeating(error: psycopg.Error) -> bool:
    """Nothing was written, and the next try may meet better luck. A server that became a standby is one that has to
    be connected to anew."""
    return isinstance(
        error,
        errors.SerializationFailure
        | errors.DeadlockDetected
        | errors.LockNotAvailable
        | errors.UniqueViolation
        | errors.ReadOnlySqlTransaction,
    )
