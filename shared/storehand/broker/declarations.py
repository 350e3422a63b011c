"""What a channel declares: queues, bindings and their sizes, looked up in the file so that all processes agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kombu.transport.base import to_rabbitmq_queue_arguments

from storehand.broker import queues
from storehand.broker.bases import VirtualChannel

if TYPE_CHECKING:
    from storehand.broker.transport import Transport

_SIZE = "SELECT count(*) FROM message WHERE queue=? AND owner IS NULL"
_REFRESH_S = 5.0  # a temporary queue's `seen` is written at most this often


class Declarations(VirtualChannel):
    """The part of a channel that declares."""

    connection: Transport

    def prepare_queue_arguments(self, arguments: Mapping[str, Any] | None, **options: Any) -> Any:
        return to_rabbitmq_queue_arguments(arguments or {}, **options)

    def _new_queue(self, queue: str, **options: Any) -> None:
        found = queues.traits(**options)
        if not self.connection.database.read(queues.FRESH, (queue, *found, _REFRESH_S)):
            with self.connection.transaction(is_publish=True) as db:
                queues.declare(db, queue, found)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        known = "SELECT 1 FROM queue WHERE name=? UNION SELECT 1 FROM message WHERE queue=?"
        return bool(self.connection.database.read(known, (queue, queue)))

    def queue_bind(
        self,
        queue: str,
        exchange: str | None = None,
        routing_key: str = "",
        arguments: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Asks the file each time: another process may have deleted the queue since we bound it."""
        exchange = exchange or "amq.direct"
        key, pattern, name = self.typeof(exchange).prepare_bind(queue, exchange, routing_key, arguments)
        if (key or "", pattern, name) not in self.get_table(exchange):
            with self.connection.transaction(is_publish=True) as db:
                queues.bind(db, exchange, key or "", pattern or "", name)

    def queue_unbind(self, queue: str, exchange: str | None = None, routing_key: str = "", *_: Any, **__: Any) -> None:
        with self.connection.transaction(is_publish=True) as db:
            queues.unbind(db, exchange or "amq.direct", routing_key or "", queue)

    def get_table(self, exchange: str) -> list[tuple[str, str | None, str]]:
        rows = self.connection.database.read(
            "SELECT routing_key, pattern, queue FROM binding WHERE exchange=?", (exchange,)
        )
        return [(key, pattern or None, queue) for key, pattern, queue in rows]

    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False, **_: Any) -> None:
        if if_empty and self._size(queue):
            return
        with self.connection.transaction(is_publish=True) as db:
            if not (if_unused and queues.addresses(db, [queue])):
                queues.delete(db, queue)

    def _size(self, queue: str) -> int:
        return int(self.connection.database.read(_SIZE, (queue,))[0][0])

    def _purge(self, queue: str) -> int:
        with self.connection.transaction(is_publish=True) as db:
            return int(db.execute("DELETE FROM message WHERE queue=? AND owner IS NULL", (queue,)).rowcount)
