"""The worker leaves: what runs may finish for a while, the rest goes back in order; acks and heartbeats flow meanwhile.

Celery calls the pool's `on_stop` in the thread of the event loop, which then stands still. So the drain turns the loop
itself; otherwise acks would pile up, RabbitMQ would miss our heartbeat, and every job would run again elsewhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storehand_worker.pool import EnginePool

log = logging.getLogger(__name__)

TURN_S = 0.1
LEAVE_S = 2.0
"""How long threads that were told to stop are waited for; the engines need two steps."""


def drain(pool: EnginePool, drain_s: float) -> None:
    """Returns when nothing is in hand any more, at the latest `drain_s` and some seconds later."""
    loop = Loop(pool.hub)
    pool.close_deliveries()
    for message in pool.in_hand():
        if not message.is_running:
            pool.hand_back(message)
    running = _unsettled(pool)
    if running:
        log.info("%d messages are in hand; they have %.0f s to finish, then they are handed back", running, drain_s)
    loop.turn_until(lambda: not _unsettled(pool), drain_s)
    left = [message for message in pool.in_hand() if not message.is_settled]
    for message in left:
        pool.hand_back(message, message_returns=not loop.is_broken)
    if left:
        log.warning("%d messages did not finish in %.0f s; others will answer them", len(left), drain_s)
        loop.turn_until(lambda: not pool.in_hand(), LEAVE_S)
    loop.turn()  # the last acks
    loop.turn()


def _unsettled(pool: EnginePool) -> int:
    return sum(not message.is_settled for message in pool.in_hand())


class Loop:
    """The event loop, turned by hand. Broken when the connection to the broker is lost: then it only waits."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self.is_broken = False

    def turn(self) -> None:
        """At most TURN_S long, but for what a callback takes."""
        if self._hub is None or self.is_broken:
            time.sleep(TURN_S)
            return
        self._hub.call_later(TURN_S, lambda: None)  # or it would wait for the next event, which may be seconds away
        try:
            self._hub.run_once()
        except Exception as error:  # acks are lost with the connection; the rows say what is answered
            log.warning("the connection to the broker is lost while draining (%s); jobs in hand go on", error)
            self.is_broken = True

    def turn_until(self, is_done: Callable[[], bool], timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not is_done() and time.monotonic() < end:
            self.turn()
