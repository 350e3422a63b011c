"""One kombu channel: what it publishes, consumes and settles in the queue file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError
from kombu.log import get_logger

from storehand.broker import messages, queues, wire
from storehand.broker.batch import PublishBatch
from storehand.broker.declarations import Declarations
from storehand.broker.errors import QueueBusy
from storehand.broker.messages import Delivery, Draft, Settlement, Verdict
from storehand.broker.qos import QoS

if TYPE_CHECKING:
    from storehand.broker.transport import Transport

log = get_logger(__name__)

CLAIM_LIMIT = 64  # of one channel in one go, so that a deep backlog does not hold up the event loop
_READY = "SELECT EXISTS(SELECT 1 FROM message WHERE queue=? AND owner IS NULL)"


class Channel(Declarations):
    """Kombu's virtual channel with its memory in the file, so that all processes share queues and bindings."""

    QoS = QoS
    supports_fanout = True
    body_encoding: Any = None
    connection: Transport

    def __init__(self, connection: Transport, **options: Any) -> None:
        super().__init__(connection, **options)
        self.current_batch: PublishBatch | None = None
        self._deliver_to: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self._takers: set[str] = set()  # queues consumed without acknowledgement
        self._guard = threading.Lock()
        self._settlements: list[Settlement] = []

    # --- publish

    def _put(self, queue: str, message: Mapping[str, Any], **_: Any) -> None:
        self._publish([queue], message)

    def _put_fanout(self, exchange: str, message: Mapping[str, Any], _routing_key: str, **_: Any) -> None:
        self._publish(sorted({queue for _key, _pattern, queue in self.get_table(exchange)}), message)

    def _publish(self, names: Iterable[str], message: Mapping[str, Any]) -> None:
        envelope, body = wire.encode(message)
        drafts = [Draft(name, envelope, body, wire.expiration_s(message)) for name in names]
        if self.current_batch is not None:
            self.current_batch.add(drafts)
        else:
            self.commit(drafts)

    def commit(self, drafts: list[Draft]) -> None:
        """Writes messages and wakes their consumers. Raises QueueBusy when the file stays locked."""
        if not drafts:
            return
        with self.connection.transaction(is_publish=True) as db:
            messages.put(db, drafts)
            wanted = queues.addresses(db, {draft.queue for draft in drafts})
        self.connection.ring(wanted)

    @contextmanager
    def batch(self, max_size: int = 1000) -> Iterator[PublishBatch]:
        """Everything published inside is one commit, made at the end; nothing is written when an error leaves it."""
        batch = self.create_publish_batch(max_size)
        with batch.collecting():
            yield batch
        batch.flush()

    def create_publish_batch(self, max_size: int) -> PublishBatch:
        return PublishBatch(self, max_size)

    # --- consume

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Any], Any], consumer_tag: str, **options: Any
    ) -> None:
        super().basic_consume(queue, no_ack, callback, consumer_tag, **options)
        self._deliver_to[queue] = self.connection._callbacks[queue]
        if no_ack:
            self._takers.add(queue)
        try:
            self.connection.subscribe()
        except QueueBusy:
            log.info("the queue file is locked; the next housekeeping lists us as a consumer of %s", queue)
        self.connection.poke()

    def basic_cancel(self, consumer_tag: str) -> None:
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue is None or queue in self._active_queues:
            return
        self._deliver_to.pop(queue, None)
        self._takers.discard(queue)
        self.connection.unsubscribe(queue)

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self.connection.poke()  # there may be room now

    def basic_get(self, queue: str, no_ack: bool = False, **_: Any) -> Any:
        owner = self.connection.presence().owner
        with self.connection.transaction() as db:
            found = messages.take(db, queue, limit=1) if no_ack else messages.claim(db, queue, owner, limit=1)
        if not found:
            return None
        if not no_ack:
            self._note(found)
        return self.Message(found[0].message, channel=self)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        raise Empty  # all deliveries go through `pump`

    def pump(self, limit: int) -> bool:
        """Writes waiting settlements and delivers up to `limit` messages; False when nothing came.

        Raises QueueBusy; then nothing has changed.
        """
        deliveries = self._claim(limit)
        waiting = iter(deliveries)
        try:
            for delivery in waiting:
                deliver = self._deliver_to.get(delivery.queue)
                if deliver is None:  # cancelled by the delivery before
                    self._give_up([delivery])
                else:
                    deliver(delivery.message)
        finally:
            self._give_up(waiting)  # an error in a callback must not keep the others in our hands
        return bool(deliveries)

    def _claim(self, limit: int) -> list[Delivery]:
        if not self._settlements and not self._may_claim():
            return []
        settlements = self._take_settlements()
        owner = self.connection.presence().owner
        found: list[Delivery] = []
        try:
            with self.connection.transaction() as db:
                wanted = self._settle(db, owner, settlements)
                for queue in self.connection.reserve.order(self._active_queues):
                    found += self._claim_from(queue, db, owner, limit=limit - len(found))
        except BaseException:
            self._keep(settlements)
            for delivery in found:
                self.qos.settled(delivery.tag)
            raise
        self.connection.ring(wanted)
        return found

    def _claim_from(self, queue: str, db: sqlite3.Connection, owner: str, *, limit: int) -> list[Delivery]:
        if queue in self._takers:
            return messages.take(db, queue, limit=CLAIM_LIMIT)
        room = min(limit, self._room(queue))
        claimed = messages.claim(db, queue, owner, limit=room) if room > 0 else []
        self._note(claimed)
        return claimed

    def _may_claim(self) -> bool:
        """A cheap look before the write lock is asked for."""
        return any(
            (queue in self._takers or self._room(queue) > 0) and self.connection.database.read(_READY, (queue,))[0][0]
            for queue in self._active_queues
        )

    def _room(self, queue: str) -> int:
        covered, others = self.qos.in_hand()
        prefetch = self.qos.prefetch_count
        room = self.connection.reserve.room(queue, prefetch=prefetch, covered=covered, others=others)
        return CLAIM_LIMIT if room is None else room

    def _note(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self.qos.claimed(delivery.tag, is_covered=self.connection.reserve.covers(delivery.queue))

    def _give_up(self, deliveries: Iterable[Delivery]) -> None:
        self.settle([delivery.tag for delivery in deliveries if self.qos.settled(delivery.tag)], Verdict.HAND_BACK)

    # --- settle

    @property
    def has_settlements(self) -> bool:
        return bool(self._settlements)

    def settle(self, tags: Iterable[str], verdict: Verdict) -> None:
        """Called from any thread. In an event loop it waits for the next tick, which writes all with one commit."""
        settlements = [Settlement(tag, verdict) for tag in tags]
        if not settlements:
            return
        self._keep(settlements)
        if self.connection.defers_settlements and self._active_queues:
            self.connection.wake_loop()
        else:
            self.flush()

    def flush(self) -> None:
        """Writes waiting settlements; while the file is locked they wait for the next time."""
        settlements = self._take_settlements()
        if not settlements or (owner := self.connection.owner) is None:
            return
        try:
            with self.connection.transaction() as db:
                wanted = self._settle(db, owner, settlements)
        except OperationalError as error:
            self._keep(settlements)
            log.warning("%d settled messages can't be written: %s; trying again", len(settlements), error)
        else:
            self.connection.ring(wanted)

    def _settle(self, db: sqlite3.Connection, owner: str, settlements: list[Settlement]) -> set[str]:
        limit = self.connection.max_deliveries
        settled = messages.settle(db, owner, settlements, max_deliveries=limit)
        if settled.buried:
            log.error("%d messages were rejected %d times each; they lie in the dead letters", settled.buried, limit)
        return queues.addresses(db, settled.ready)

    def _take_settlements(self) -> list[Settlement]:
        with self._guard:
            settlements, self._settlements = self._settlements, []
        return settlements

    def _keep(self, settlements: list[Settlement]) -> None:
        with self._guard:
            self._settlements = settlements + self._settlements

    def forget(self) -> None:
        """After a fork: what is in hand belongs to the parent."""
        self.qos.forget()
        self._take_settlements()

    def close(self) -> None:
        """Cancels its consumers and hands back what is not acknowledged."""
        if not self.closed and self.connection is not None:
            self.flush()
        super().close()
