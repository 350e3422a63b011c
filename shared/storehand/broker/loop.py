"""A transport's place in kombu's event loop: one tick handler, one reader, one timer, all taken out again."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kombu.log import get_logger

from storehand.broker.errors import QueueBusy

if TYPE_CHECKING:
    from storehand.broker.transport import Transport

log = get_logger(__name__)

_RETRY_S = 0.05
_loop_threads: set[int] = set()


def is_loop_thread() -> bool:
    """Whether this thread runs an event loop, which must not wait long for a locked file."""
    return threading.get_ident() in _loop_threads


class LoopPlace:
    """Delivers from inside the event loop, whenever a wake-up arrived or acknowledgements wait."""

    def __init__(self, transport: Transport, loop: Any) -> None:
        self._transport = transport
        self._loop = loop
        self._presence = transport.presence()
        self._is_due = True
        self._thread: int | None = None
        self._is_waiting_for_lock = False
        loop.on_tick.add(self.tick)
        loop.add_reader(self._presence.fileno(), self._woken)
        self._timer = loop.call_repeatedly(transport.reclaim_interval_s, self._housekeep)

    def leave(self) -> None:
        """Must run before the socket is closed: its number will soon belong to another file."""
        self._loop.on_tick.discard(self.tick)
        self._timer.cancel()
        if self._thread is not None:
            _loop_threads.discard(self._thread)
        with suppress(Exception):  # the hub may be closed already, or have forgotten its readers after an error
            self._loop.remove_reader(self._presence.fileno())

    def tick(self) -> None:
        """Called by the hub before each poll."""
        self._thread = threading.get_ident()
        _loop_threads.add(self._thread)
        if not self._is_due and not self._transport.has_settlements:
            return
        if self._is_waiting_for_lock:
            return
        try:
            self._is_due = self._transport.pump()
        except QueueBusy:
            self._is_due = self._is_waiting_for_lock = True
            self._loop.call_later(_RETRY_S, self._try_again)
            self._presence.poke()  # the hub reckoned its poll before this timer was there: let it reckon again
            return
        if self._is_due:
            self._presence.poke()  # there may be more: do not let the poll wait

    def is_elsewhere(self) -> bool:
        """Whether the caller is not the loop's thread and the loop has to be woken."""
        return threading.get_ident() != self._thread

    def _woken(self, *_: Any) -> None:
        self._presence.drain()
        self._is_due = True

    def _try_again(self) -> None:
        self._is_waiting_for_lock = False

    def _housekeep(self) -> None:
        self._is_due = True  # in case a wake-up was lost
        try:
            self._transport.housekeep()
        except QueueBusy:
            log.debug("the queue file is locked; housekeeping waits for the next round")
