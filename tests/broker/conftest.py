from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

import storehand.broker  # noqa: F401 -- makes the scheme known

Connect = Callable[..., Connection]


@pytest.fixture
def path() -> Iterator[Path]:
    """In a folder of a short name, as sockets lie beside the file."""
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        yield Path(folder) / "queue.db"


@pytest.fixture
def connect(path: Path) -> Iterator[Connect]:
    """A new connection to the test's queue; keyword arguments are transport options."""
    opened: list[Connection] = []

    def new(**options: Any) -> Connection:
        connection = Connection(f"embedded://{path}", transport_options=options)
        opened.append(connection)
        return connection

    yield new
    for connection in opened:
        connection.release()
