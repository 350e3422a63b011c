"""Locked files as signs of life: the kernel drops the lock when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from storehand.files import private_folder

PATIENCE_S = 5.0
"""Those who look hold a lock for microseconds; one that is held longer has an owner."""

_known: weakref.WeakSet[LockFile] = weakref.WeakSet()
_standing = threading.RLock()  # a child forked inside would inherit a descriptor that nobody knows of


def no_fork() -> AbstractContextManager[object]:
    """Nobody forks inside, and one thread at a time is there: for those who make or forget lock files."""
    return _standing


def live_folder(database: Path) -> Path:
    """Where the lock files of those who work on this database lie."""
    return database.with_name(database.name + ".live")


class LockFile:
    """Made and locked at once, for as long as this process lives; forked children let go of it.

    BlockingIOError when somebody else holds it, any other OSError when it can't be made.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        with no_fork():
            private_folder(file.parent)
            self._descriptor = _hold(file)
            _known.add(self)

    def refresh(self) -> None:
        """Puts the file back when somebody cleaned the folder, and keeps it young for such cleaners."""
        with no_fork():
            if not _is_at(self._descriptor, self._file):
                private_folder(self._file.parent)
                replaced, self._descriptor = self._descriptor, _hold(self._file)
                os.close(replaced)
        os.utime(self._file)

    def close(self) -> None:
        """Removes the file. In a forked child it does nothing: the file is the parent's."""
        with no_fork():
            if self._descriptor >= 0:
                with suppress(OSError):
                    self._file.unlink()
                self._let_go()

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether a living process holds the lock. In doubt True; FileNotFoundError when there is no such file."""
    try:
        looking = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError:
        return True
    try:
        # Shared, so that two who look at the same time do not take each other for the owner.
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(looking)


def remove_if_free(file: Path) -> None:
    """Removes what somebody dead left behind; a file that is held or can't be removed stays."""
    with suppress(OSError):
        looking = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(looking, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(looking, file):
                file.unlink()
        finally:
            os.close(looking)


def _hold(file: Path) -> int:
    """Creates and locks; once more when someone who took us for dead removed the file in between."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            if _is_at(descriptor, file):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)


def _is_at(descriptor: int, file: Path) -> bool:
    held = os.fstat(descriptor)
    try:
        found = file.stat()
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino)


def _before_fork() -> None:
    _standing.acquire()


def _after_fork_in_parent() -> None:
    _standing.release()


def _after_fork_in_child() -> None:
    global _standing
    _standing = threading.RLock()  # the old one may belong to a thread that does not exist here
    for lock_file in list(_known):
        lock_file._let_go()  # a child that kept the lock would make its dead parent look alive


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
