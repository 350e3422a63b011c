"""What must not cross a fork: web servers that preload the application fork after the client exists.

SQLite keeps its locks per process: a child forked while another thread is inside SQLite believes for ever that the file
is locked. So everybody leaves before a fork, and the child opens its own connections.
"""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Protocol

_PATIENCE_S = 10.0


class Gate:
    """Threads work inside it (`with gate:`), any number at a time; nobody is inside while the process forks.

    Do not enter a second gate from within: two that shut one after the other could wait for each other.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._is_shut = False

    def __enter__(self) -> None:
        with self._condition:
            while self._is_shut:
                self._condition.wait()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._condition:
            self._inside -= 1
            if self._is_shut:
                self._condition.notify_all()

    def shut(self) -> None:
        """Waits until nobody is inside, at most ten seconds: a fork may be late, but it must come."""
        with self._condition:
            self._is_shut = True
            self._condition.wait_for(lambda: not self._inside, _PATIENCE_S)

    def open(self) -> None:
        with self._condition:
            self._is_shut = False
            self._condition.notify_all()


class Forkable(Protocol):
    gate: Gate

    def after_fork(self) -> None:
        """Runs in the child before any other thread exists: forget connections, take new locks and a new gate."""
        ...


def guard_forks(thing: Forkable) -> None:
    """Shuts the gate of `thing` around every fork and renews it in every child, for as long as it lives."""
    _known.add(thing)


def abandon(*things: object) -> None:
    """Keeps inherited connections from being collected: closing them would speak on the parent's behalf."""
    _inherited.extend(things)


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[object] = []
_forking = threading.Lock()
_shut: list[Forkable] = []


def _before() -> None:
    _forking.acquire()
    _shut.extend(_known)
    for thing in _shut:
        thing.gate.shut()


def _after_in_parent() -> None:
    for thing in _shut:
        thing.gate.open()
    _shut.clear()
    _forking.release()


def _after_in_child() -> None:
    for thing in _shut:
        thing.after_fork()
    _shut.clear()
    _forking.release()  # by the thread that took it: the only one a child has


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
