"""Short words for what the broker tests do with kombu."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from kombu import Connection, Message


def send(connection: Connection, queue: str, *bodies: Any, **options: Any) -> None:
    for body in bodies:
        connection.Producer().publish(body, exchange="", routing_key=queue, **options)


class Reader:
    """A consumer that keeps what it gets and acknowledges nothing on its own."""

    def __init__(self, connection: Connection, *queues: str, prefetch: int = 0, no_ack: bool = False) -> None:
        self.connection = connection
        self.messages: list[Message] = []
        self.channel = connection.channel()
        self.channel.basic_qos(prefetch_count=prefetch)
        for number, queue in enumerate(queues):
            self.channel.basic_consume(queue, no_ack, self.messages.append, f"tag-{id(self)}-{number}")

    @property
    def bodies(self) -> list[Any]:
        return [message.payload for message in self.messages]

    def read(self, timeout_s: float = 0.05) -> list[Any]:
        """Everything that comes until nothing comes; the bodies of this call."""
        before = len(self.messages)
        while True:
            try:
                self.connection.drain_events(timeout=timeout_s)
            except TimeoutError:
                return self.bodies[before:]


def execute(path: Path, statement: str, *values: Any) -> list[Any]:
    """Straight into the file, past the broker."""
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        return connection.execute(statement, values).fetchall()
