from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from storehand.broker import dead_messages, oldest_ready_age_s, queue_depths, schema
from storehand.broker.database import Database
from storehand.broker.errors import QueueBusy, QueueUnavailable
from storehand.errors import SettingsError
from tests.broker.conftest import Connect
from tests.broker.talk import Reader, execute, send


def test_a_newer_schema_is_refused_with_both_versions_named(path: Path) -> None:
    Database(path).open()
    execute(path, f"PRAGMA user_version={schema.VERSION + 1}")

    with pytest.raises(SettingsError, match=f"schema {schema.VERSION + 1}, this one knows {schema.VERSION}"):
        Connection(f"embedded://{path}").connect()


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE orders(id)")

    with pytest.raises(SettingsError, match="another program"):
        Database(path).open()

    assert execute(path, "PRAGMA journal_mode") == [("delete",)]


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_text("nothing " * 200)

    with pytest.raises(QueueUnavailable):
        Database(path).open()


@pytest.mark.parametrize("url", ["embedded://", "embedded:///", "embedded://relative/queue.db"])
def test_a_url_without_an_absolute_path_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="absolute path"):
        Connection(url).connect()


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    Database(path).open()

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_locked_file_is_busy_and_publishers_get_kombus_operational_error(path: Path, connect: Connect) -> None:
    connection = connect(busy_timeout=0.1)
    connection.connect()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(QueueBusy):
            send(connection, "q", 1)
        with pytest.raises(OperationalError):
            connection.Producer().publish(1, routing_key="q", retry=True, retry_policy={"max_retries": 3})

        other.execute("ROLLBACK")
    send(connection, "q", 2)
    assert Reader(connection, "q").read() == [2]


def test_a_consumer_that_starts_while_the_file_is_locked_is_listed_by_its_housekeeping(
    path: Path, connect: Connect
) -> None:
    connection = connect()
    connection.connect()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reader = Reader(connection, "q")
        other.execute("ROLLBACK")
    assert execute(path, "SELECT queue FROM consumer") == []

    connection.transport.housekeep()

    assert execute(path, "SELECT queue FROM consumer") == [("q",)]
    assert reader.read() == []


def test_a_file_replaced_under_a_publisher_is_noticed_and_the_next_try_reaches_the_new_one(
    path: Path, connect: Connect
) -> None:
    connection = connect()
    send(connection, "q", 1)
    for file in path.parent.glob("queue.db*"):
        if file.is_file():
            file.unlink()

    with pytest.raises(QueueUnavailable):
        send(connection, "q", 2)
    send(connection, "q", 3)

    assert Reader(connect(), "q").read() == [3]


def test_a_forked_publisher_opens_its_own_connection(path: Path, connect: Connect) -> None:
    connection = connect()
    send(connection, "q", "parent")
    child = os.fork()
    if child == 0:
        try:
            send(connection, "q", "child")
            connection.release()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    send(connection, "q", "parent again")
    assert Reader(connect(), "q").read() == ["parent", "child", "parent again"]


def test_a_forked_consumer_leaves_the_parents_messages_to_the_parent(path: Path, connect: Connect) -> None:
    reader = Reader(connect(), "q")
    send(connect(), "q", "first")
    assert reader.read() == ["first"]
    send(connect(), "q", "second")
    child = os.fork()
    if child == 0:
        try:
            got = reader.read()
            reader.messages[0].ack()
            reader.messages[1].ack()
            reader.connection.release()
            os._exit(0 if got == ["second"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert queue_depths(path) == {"q": (0, 1)}
    reader.messages[0].ack()
    assert queue_depths(path) == {}


def test_a_file_that_is_not_there_is_empty_and_stays_absent(path: Path) -> None:
    assert queue_depths(path) == {}
    assert oldest_ready_age_s(path) == 0
    assert dead_messages(path) == []
    assert not path.exists()


def test_another_processs_end_does_not_cut_off_those_who_stay(path: Path, connect: Connect) -> None:
    """Closing a descriptor of the file drops a process's locks; then the last one elsewhere deletes the log."""
    reader = Reader(connect(), "q")
    connect().connect()  # a second connection of this process
    other = os.fork()
    if other == 0:
        os.execv(sys.executable, [sys.executable, "-c", PUBLISH_AND_END, f"embedded://{path}"])
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0

    assert reader.read() == ["from elsewhere"]


PUBLISH_AND_END = """
import sys
import storehand.broker
from kombu import Connection
with Connection(sys.argv[1]) as connection:
    connection.Producer().publish("from elsewhere", exchange="", routing_key="q")
heavy = {"celery", "pydantic", "torch", "pluggy", "prometheus_client"} & set(sys.modules)
sys.exit(f"the broker brings {heavy} along" if heavy else 0)
"""


def test_a_file_whose_tables_are_made_while_it_is_looked_at_is_not_taken_for_somebody_elses(tmp_path: Path) -> None:
    file = tmp_path / "queue.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")

        class Slow(sqlite3.Connection):
            """Between two looks the other process makes the tables."""

            def execute(self, statement: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]  # all that is asked of it here
                rows = super().execute(statement, *values)
                if statement == "PRAGMA application_id":
                    schema.create(other, str(file))
                return rows

        with closing(sqlite3.connect(file, isolation_level=None, factory=Slow)) as connection:
            assert not schema.check(connection, str(file))
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            assert schema.check(connection, str(file))
