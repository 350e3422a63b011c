"""What is read of store and broker, and how: each reader keeps its connection and makes a new one after trouble."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from storehand.broker.dead import count_dead
from storehand.broker.depth import queue_depths
from storehand.broker.server_depth import Depth, ServerDepth
from storehand.settings import EMBEDDED_SCHEME, Settings
from storehand.store import JobStore, open_store
from storehand.store.state import Tally, Upkeep


@dataclass(frozen=True, slots=True)
class StoreReading:
    """`now` is the store's clock."""

    now: float
    tallies: Sequence[Tally]
    upkeep: Upkeep


@dataclass(frozen=True, slots=True)
class BrokerReading:
    """`dead`: messages that a queue file has laid aside; a server's are taken over by the store."""

    depths: Mapping[str, Depth]
    dead: int = 0


UNRUNG_SHARE = 0.05
"""Of the time: PostgreSQL reads all open jobs to find those without a message, 0.45 s for a million."""


class StoreReader:
    """For one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: JobStore | None = None
        self._unrung = 0
        self._unrung_due = 0.0

    def __call__(self) -> StoreReading:
        if self._store is None:
            self._store = open_store(self._settings)
        store = self._store
        return StoreReading(store.now(), store.tallies(), self._upkeep(store))

    def _upkeep(self, store: JobStore) -> Upkeep:
        """Who leads is asked at every look: on nobody for a minute hangs whether a pool wakes."""
        began = time.monotonic()
        if began < self._unrung_due:
            return replace(store.upkeep(most_unrung=0), unrung=self._unrung)
        upkeep = store.upkeep()
        now = time.monotonic()
        self._unrung, self._unrung_due = upkeep.unrung, now + (now - began) / UNRUNG_SHARE
        return upkeep

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):  # it may be away
                store.close()


class BrokerReader:
    """For one thread."""

    def __init__(self, settings: Settings) -> None:
        url = settings.broker_url.get_secret_value()
        self._file = Path(url.removeprefix(f"{EMBEDDED_SCHEME}://")) if settings.is_embedded else None
        self._server = None if settings.is_embedded else ServerDepth(settings)

    def __call__(self) -> BrokerReading:
        if self._server is not None:
            return BrokerReading(self._server.read())
        assert self._file is not None
        try:
            return BrokerReading(queue_depths(self._file), count_dead(self._file))
        except sqlite3.OperationalError as error:
            raise OSError(f"{self._file} can't be used: {error}") from error

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
