"""Who is alive and how to wake them: a locked file and a datagram socket per consumer, beside the queue file.

The kernel drops the lock when its process dies, however it dies. So a consumer's messages can be given to others at
once, and a job of three hours is never taken from a worker that still lives.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import select
import socket
import weakref
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from storehand.broker import sockets
from storehand.broker.errors import kombu_errors
from storehand.locks import LockFile, is_held, live_folder

_instances: weakref.WeakSet[Presence] = weakref.WeakSet()


class Presence:
    """A consumer's sign of life. `owner` is its name in the queue file, `address` where it is woken."""

    def __init__(self, database: Path) -> None:
        self.owner = secrets.token_hex(sockets.OWNER_BYTES)
        self.is_inherited = False
        self._database = database
        with kombu_errors():
            self._lock_file = LockFile(_lock_file(database, self.owner))
            sockets.sweep()
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket_file = sockets.bind(self._socket, database, self.owner)
        is_beside = self._socket_file.parent == live_folder(database)
        self.address = self._socket_file.name if is_beside else str(self._socket_file)
        _instances.add(self)

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        """Takes all wake-ups that lie in the socket."""
        with suppress(OSError):
            while self._socket.recv(64):
                pass

    def poke(self) -> None:
        """Wakes ourselves, from any thread."""
        with suppress(OSError):
            self._socket.sendto(b"\0", str(self._socket_file))

    def wait(self, timeout_s: float) -> None:
        """Until somebody wakes us, `timeout_s` at most."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.poll(max(0.0, timeout_s) * 1000)
        self.drain()

    def refresh(self) -> None:
        """Puts the lock file back when somebody cleaned the folder, and keeps both files young for such cleaners."""
        with kombu_errors():
            self._lock_file.refresh()
        with suppress(OSError):
            os.utime(self._socket_file)

    def close(self) -> None:
        """Leaves; messages still owned go to others. In a forked child it only lets go of the parent's files."""
        if not self.is_inherited:
            sockets.remove(self._database, self.owner)
        self._lock_file.close()
        self._socket.close()

    def _after_fork(self) -> None:
        self.is_inherited = True
        self._socket.close()


def is_alive(database: Path, owner: str) -> bool:
    """Whether a process holds this owner's lock. In doubt True: a living worker's messages are never taken."""
    try:
        return is_held(_lock_file(database, owner))
    except FileNotFoundError:
        return False


def bury(database: Path, owner: str) -> None:
    """Removes the files of a dead owner."""
    sockets.remove(database, owner)
    with suppress(OSError):
        _lock_file(database, owner).unlink()


def known_owners(database: Path) -> set[str]:
    """All who have a lock file, dead or alive."""
    try:
        return {file.stem for file in live_folder(database).glob("*.lock")}
    except OSError:
        return set()


def ring(database: Path, addresses: Collection[str]) -> None:
    """Wakes consumers by one datagram each; never blocks, and the dead don't matter."""
    if not addresses:
        return
    folder = live_folder(database)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        for address in addresses:
            with suppress(OSError):  # gone, or so many wake-ups wait already that one more says nothing
                bell.sendto(b"\0", str(folder / address))


def _lock_file(database: Path, owner: str) -> Path:
    name = owner if owner.isalnum() else hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()
    return live_folder(database) / f"{name}.lock"


def _after_fork_in_child() -> None:
    for presence in list(_instances):
        presence._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
