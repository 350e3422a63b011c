"""The kombu transport `embedded://`: one SQLite file as broker for all processes of one host."""

from __future__ import annotations

import sqlite3
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kombu.exceptions import OperationalError
from kombu.log import get_logger

from storehand.broker import queues
from storehand.broker.bases import VirtualTransport
from storehand.broker.channel import Channel
from storehand.broker.database import Database
from storehand.broker.errors import QueueBusy, QueueUnavailable
from storehand.broker.liveness import Presence, ring
from storehand.broker.loop import LoopPlace, is_loop_thread
from storehand.broker.qos import Reserve
from storehand.broker.upkeep import housekeep
from storehand.errors import SettingsError

log = get_logger(__name__)

SCHEME = "embedded"
_TICK_WAIT_S = 0.25  # how long the event loop waits for a locked file before it goes on and tries again
_LOOP_PUBLISH_WAIT_S = 1.0
_DRAIN_WAIT_S = 1.0


def queue_file(url: str) -> Path:
    """The file that an `embedded:///absolute/path` names, taken as written. Raises SettingsError."""
    rest = url.removeprefix(f"{SCHEME}://").removeprefix("localhost")
    if not rest.startswith("/") or rest.strip("/") == "":
        raise SettingsError(f"the embedded queue needs an absolute path, {SCHEME}:///folder/queue.db, not {url!r}")
    return Path(rest)


class Transport(VirtualTransport):
    """Options: `synchronous` FULL or NORMAL, `reclaim_interval` (s), `max_deliveries`, `busy_timeout` (s) for
    publishers, `reserved` {"queues_ending": ..., "count": ...}."""

    Channel = Channel
    can_parse_url = True
    driver_type = SCHEME
    driver_name = "sqlite"
    implements = VirtualTransport.implements.extend(
        asynchronous=True, exchange_type=frozenset({"direct", "topic", "fanout"}), batch_publish=True
    )
    # A worker reconnects on both. A publisher retries only the first: it has waited for the lock long enough.
    recoverable_connection_errors = (
        *VirtualTransport.connection_errors,
        QueueUnavailable,
    )
    recoverable_channel_errors = ()
    connection_errors = (*recoverable_connection_errors, QueueBusy)

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        chosen = client.transport_options
        self.reclaim_interval_s = float(chosen.get("reclaim_interval", 5.0))
        self.max_deliveries = int(chosen.get("max_deliveries", 20))
        self.reserve = Reserve.from_option(chosen.get("reserved"))
        self._publish_wait_s = float(chosen.get("busy_timeout", 30.0))
        self.database = Database(queue_file(client.hostname), synchronous=chosen.get("synchronous", "FULL"))
        self._presence: Presence | None = None
        self._place: LoopPlace | None = None
        self._housekeeping_due = 0.0

    def driver_version(self) -> str:
        return sqlite3.sqlite_version

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        return uri

    def establish_connection(self) -> Any:
        self.database.open()
        return super().establish_connection()

    def close_connection(self, connection: Any) -> None:
        if self._place is not None:
            self._place.leave()
            self._place = None
        try:
            super().close_connection(connection)
        finally:
            self._depart()
            self.database.close()

    def _depart(self) -> None:
        presence, self._presence = self._presence, None
        if presence is None:
            return
        try:
            if not presence.is_inherited:
                with self.database.transaction(wait_s=_DRAIN_WAIT_S) as db:
                    queues.unsubscribe(db, presence.owner)
        except OperationalError as error:
            log.warning("could not sign off at the queue: %s; the next housekeeping does it", error)
        finally:
            presence.close()

    # --- for channels

    def transaction(self, *, is_publish: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """A write that waits for a locked file no longer than its caller can afford."""
        if is_loop_thread():
            wait_s = _LOOP_PUBLISH_WAIT_S if is_publish else _TICK_WAIT_S
        else:
            wait_s = self._publish_wait_s if is_publish else _DRAIN_WAIT_S
        return self.database.transaction(wait_s=wait_s)

    @property
    def owner(self) -> str | None:
        """Our name in the queue file; None for a mere publisher and in a forked child."""
        return None if self._presence is None or self._presence.is_inherited else self._presence.owner

    def presence(self) -> Presence:
        """Our sign of life, begun at the first call and anew after a fork."""
        if self._presence is not None and self._presence.is_inherited:
            self._start_anew()
        if self._presence is None:
            self._presence = Presence(self.database.path)
            self._housekeeping_due = 0.0
        return self._presence

    def _start_anew(self) -> None:
        """In a forked child: what the parent has in hand stays the parent's, what it consumes we consume too."""
        self._presence = Presence(self.database.path)
        self._place = None
        for channel in self.channels:
            channel.forget()
        self.subscribe()

    def subscribe(self) -> None:
        """Lists us as a consumer of what our channels consume, where that is missing. Raises QueueBusy."""
        presence = self.presence()
        rows = self.database.read("SELECT queue FROM consumer WHERE owner=?", (presence.owner,))
        consumed = {name for channel in self.channels for name in channel._active_queues}
        if missing := consumed.difference(row[0] for row in rows):
            with self.transaction() as db:
                for name in sorted(missing):
                    queues.subscribe(db, name, presence.owner, presence.address)

    def unsubscribe(self, name: str) -> None:
        """Nobody on this connection consumes the queue any more, unless another channel does."""
        owner = self.owner
        if owner is None or any(name in channel._active_queues for channel in self.channels):
            return
        try:
            with self.transaction() as db:
                queues.unsubscribe(db, owner, name)
        except OperationalError as error:
            log.debug("could not unsubscribe from %s: %s; signing off does it", name, error)

    @property
    def defers_settlements(self) -> bool:
        """Whether an event loop writes settlements, all of one tick with one commit."""
        return self._place is not None

    def wake_loop(self) -> None:
        if self._place is not None and self._place.is_elsewhere():
            self.poke()

    def ring(self, addresses: set[str]) -> None:
        """Wakes consumers, ourselves too if we are among them."""
        ring(self.database.path, addresses)

    def poke(self) -> None:
        if self.owner is not None:
            self.presence().poke()

    # --- deliver

    @property
    def has_settlements(self) -> bool:
        return any(channel.has_settlements for channel in self.channels)

    def pump(self, limit: int = 64) -> bool:
        """Settles and delivers what it can now; True when something was delivered. Raises QueueBusy."""
        delivered = [channel.pump(limit) for channel in list(self.channels)]  # all of them, not up to the first
        return any(delivered)

    def housekeep(self) -> None:
        """Takes back what dead consumers held. Raises QueueBusy."""
        presence = self.presence()
        presence.refresh()
        self.subscribe()
        self._housekeeping_due = time.monotonic() + self.reclaim_interval_s
        wait_s = _TICK_WAIT_S if is_loop_thread() else _DRAIN_WAIT_S
        self.ring(housekeep(self.database, me=presence.owner, max_deliveries=self.max_deliveries, wait_s=wait_s))

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        if self._place is not None:
            self._place.leave()
        try:
            self.presence()
            self.housekeep()
        except QueueBusy:
            log.info("the queue file is locked; messages of dead workers come back with the next housekeeping")
        self._place = LoopPlace(self, loop)

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Delivers one message (several where nothing is acknowledged). Raises TimeoutError."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            presence = self.presence()
            pause_s = self.reclaim_interval_s
            try:
                if time.monotonic() >= self._housekeeping_due:
                    self.housekeep()
                if self.pump(limit=1):
                    return
            except QueueBusy:
                pause_s = _TICK_WAIT_S
            left_s = pause_s if end is None else min(pause_s, end - time.monotonic())
            if left_s <= 0:
                raise TimeoutError
            presence.wait(left_s)
