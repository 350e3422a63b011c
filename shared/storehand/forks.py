"""What must be opened anew in a forked child: web servers that preload the application fork after the client exists."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    def after_fork(self) -> None:
        """Runs in the child before any other thread exists: take new locks, forget connections, close nothing."""
        ...


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[object] = []


def renew_after_fork(thing: Forkable) -> None:
    """`thing.after_fork()` will be called in every forked child for as long as `thing` lives."""
    _known.add(thing)


def abandon(*things: object) -> None:
    """Keeps inherited connections from being collected: closing them would speak on the parent's behalf."""
    _inherited.extend(things)


def _renew_all() -> None:
    for thing in list(_known):
        thing.after_fork()


os.register_at_fork(after_in_child=_renew_all)
