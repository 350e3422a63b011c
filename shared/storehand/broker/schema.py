"""The tables of the queue file and their version."""

from __future__ import annotations

import sqlite3

from storehand.errors import SettingsError

VERSION = 1
APPLICATION_ID = 0x53485155  # marks the file as ours: a path typed wrong must not turn another database into a queue

_TABLES = """
CREATE TABLE message(
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, owner TEXT,
  deliveries INTEGER NOT NULL DEFAULT 0, handed_back INTEGER NOT NULL DEFAULT 0,
  at REAL NOT NULL, expires REAL, envelope TEXT NOT NULL, body NOT NULL);
CREATE INDEX message_ready ON message(queue, id) WHERE owner IS NULL;
CREATE INDEX message_owner ON message(owner) WHERE owner IS NOT NULL;
CREATE INDEX message_expires ON message(expires) WHERE expires IS NOT NULL;
CREATE TABLE queue(
  name TEXT PRIMARY KEY, is_temporary INTEGER NOT NULL, expires_s REAL, message_ttl_s REAL, seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE binding(
  exchange TEXT NOT NULL, routing_key TEXT NOT NULL, pattern TEXT NOT NULL, queue TEXT NOT NULL,
  PRIMARY KEY(exchange, routing_key, pattern, queue)
) WITHOUT ROWID;
CREATE INDEX binding_queue ON binding(queue);
CREATE TABLE consumer(queue TEXT NOT NULL, owner TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY(queue, owner))
  WITHOUT ROWID;
CREATE TABLE dead(
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, deliveries INTEGER NOT NULL, at REAL NOT NULL,
  reason TEXT NOT NULL, envelope TEXT, body);
"""


def check(connection: sqlite3.Connection, path: str) -> bool:
    """True when the tables are there; SettingsError for a newer version or somebody else's database."""
    version, marked, has_tables = _found(connection)
    if marked == APPLICATION_ID:
        if version > VERSION:
            raise SettingsError(
                f"{path} was written by a newer Storehand (queue schema {version}, this one knows {VERSION}): "
                "upgrade this process, or use another queue file"
            )
        return version == VERSION
    if marked or version or has_tables:
        raise SettingsError(f"{path} is another program's SQLite database, not a Storehand queue")
    return False


def create(connection: sqlite3.Connection, path: str) -> None:
    """Creates the tables, unless another process was faster."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not check(connection, path):
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _found(connection: sqlite3.Connection) -> tuple[int, int, bool]:
    """Version, mark, and whether there are tables, as of one moment: another process may be creating them right now."""
    is_ours_to_end = not connection.in_transaction
    if is_ours_to_end:
        connection.execute("BEGIN")
    try:
        version, marked = _pragma(connection, "user_version"), _pragma(connection, "application_id")
        return version, marked, connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None
    finally:
        if is_ours_to_end:
            connection.execute("ROLLBACK")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
