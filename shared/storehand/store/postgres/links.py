"""The few connections of one process: borrowed for a moment, thrown away when in doubt, never taken across a fork.

No psycopg_pool: its threads would have to be stopped before every fork and started after it, and a client that finds
the server away gets the reason at once here instead of a pool's timeout.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from storehand.errors import Unavailable
from storehand.forks import Gate, abandon, guard_forks
from storehand.store.postgres.link import Link, is_connection_lost, is_worth_repeating, where

T = TypeVar("T")

CONNECTIONS = 6
"""Most connections of one store: one that writes, one that watches, the rest read."""

PATIENCE_S = 5.0
"""How long the server may take to answer, unless a call allows for more."""

TRIES = 3
_PAUSE_S = 0.05
_BORROW_S = 10.0


class Links:
    def __init__(
        self, target: Mapping[str, Any], schema: str, *, prepare: Callable[[Link], None], patience_s: float = PATIENCE_S
    ) -> None:
        self.patience_s = patience_s
        self._target = target
        self._schema = schema
        self._prepare = prepare
        self.gate = Gate()
        self.in_child: list[Callable[[], None]] = []
        """What else has to begin anew in a forked child."""
        self._is_closed = False
        self._forget()
        guard_forks(self)

    @contextmanager
    def borrowed(self, allowed_s: float | None = None) -> Iterator[Link]:
        """A connection outside of any transaction; one that meets an error is closed, and its idle sisters with it when
        the connection was lost: the server they knew is gone."""
        with self.gate:
            places = self._places
            if not places.acquire(timeout=_BORROW_S):
                raise self.unavailable("all its connections are busy")
            try:
                link = self._take()
                link.allow(self.patience_s if allowed_s is None else allowed_s)
                try:
                    yield link
                except BaseException as error:
                    link.close()
                    if isinstance(error, psycopg.Error) and is_connection_lost(error):
                        self._drop_idle()
                    raise
                self._give(link)
            finally:
                places.release()

    def read(self, work: Callable[[Link], T], *, allowed_s: float | None = None) -> T:
        """The value of `work`, which may be done twice; Unavailable when the server can't be used."""
        until = time.monotonic() + (allowed_s or self.patience_s)
        for left in reversed(range(TRIES)):
            try:
                with self.borrowed(allowed_s) as link:
                    return work(link)
            except psycopg.Error as error:
                is_hopeless = not (is_connection_lost(error) or is_worth_repeating(error))
                if is_hopeless or not left or time.monotonic() > until:
                    raise self.unavailable(error) from error
            time.sleep(_PAUSE_S)
        raise AssertionError

    def unavailable(self, error: object) -> Unavailable:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return Unavailable(f"the job store at {where(self._target)} can't be used: {reason}")

    def close(self) -> None:
        self._is_closed = True
        self._drop_idle()

    def after_fork(self) -> None:
        abandon(*self._idle)
        self.gate = Gate()
        self._forget()
        for renew in self.in_child:
            renew()

    def _forget(self) -> None:
        self._idle: list[Link] = []  # list.pop and append are atomic
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._opening = threading.Lock()
        self._is_prepared = False

    def _take(self) -> Link:
        if self._is_closed:
            raise self.unavailable("the store is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _open(self) -> Link:
        link = Link.open(self._target, self._schema, allowed_s=self.patience_s)
        try:
            with self._opening:
                if not self._is_prepared:
                    self._prepare(link)
                    self._is_prepared = True
        except BaseException:
            link.close()
            raise
        return link

    def _give(self, link: Link) -> None:
        if self._is_closed:
            link.close()
        else:
            self._idle.append(link)

    def _drop_idle(self) -> None:
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread was faster
                return
