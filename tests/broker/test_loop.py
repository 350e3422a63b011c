from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from kombu import Connection
from kombu.asynchronous import Hub

from storehand.broker import queue_depths
from tests.broker.conftest import Connect
from tests.broker.talk import Reader, send


def turn(hub: Hub, until_s: float = 20.0, *, while_true: object = None) -> None:
    """Runs the event loop as long as the condition holds."""
    end = time.monotonic() + until_s
    while callable(while_true) and while_true():
        assert time.monotonic() < end
        hub.run_once()


def in_loop(connection: Connection, hub: Hub) -> None:
    connection.connect()
    connection.transport.register_with_event_loop(connection.connection, hub)


def test_reconnects_leave_one_handler_one_reader_and_one_timer(connect: Connect) -> None:
    hub = Hub()
    for _ in range(5):
        connection = connect()
        in_loop(connection, hub)
        in_loop(connection, hub)
        assert (len(hub.on_tick), len(hub.readers)) == (1, 1)
        assert len([entry for entry in hub.timer.queue if not entry.entry.canceled]) == 1
        connection.release()
    assert (len(hub.on_tick), len(hub.readers)) == (0, 0)
    hub.close()


def test_the_loop_delivers_and_writes_the_acknowledgements_of_a_tick_together(path: Path, connect: Connect) -> None:
    hub, connection = Hub(), connect(reclaim_interval=0.2)
    in_loop(connection, hub)
    reader = Reader(connection, "q")
    send(connect(), "q", *range(200))

    turn(hub, while_true=lambda: len(reader.messages) < 200)
    for message in reader.messages:
        hub.call_soon(message.ack)
    assert queue_depths(path) == {"q": (0, 200)}
    turn(hub, while_true=lambda: reader.channel.qos.in_hand() != (0, 0))
    assert queue_depths(path) == {}
    connection.release()
    hub.close()


def test_a_locked_file_neither_raises_in_the_loop_nor_makes_it_wait(path: Path, connect: Connect) -> None:
    hub, connection = Hub(), connect(reclaim_interval=0.2)
    in_loop(connection, hub)
    reader = Reader(connection, "q")
    send(connect(), "q", 1, 2)
    turn(hub, while_true=lambda: len(reader.messages) < 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        hub.call_soon(reader.messages[0].ack)
        for _ in range(5):
            started = time.monotonic()
            hub.run_once()
            assert time.monotonic() - started < 5  # a publisher would wait for 30
        other.execute("ROLLBACK")

    turn(hub, while_true=lambda: queue_depths(path) != {"q": (0, 1)})
    connection.release()
    hub.close()


def test_an_idle_loop_costs_next_to_nothing(connect: Connect) -> None:
    hub, connection = Hub(), connect(reclaim_interval=0.2)
    in_loop(connection, hub)
    Reader(connection, "q")
    for _ in range(5):
        hub.run_once()
    before, start = os.times(), time.monotonic()

    while time.monotonic() - start < 2:
        hub.run_once()

    after = os.times()
    assert after.user + after.system - before.user - before.system < 0.2
    connection.release()
    hub.close()
