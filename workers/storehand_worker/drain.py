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
    turn = _turner(pool.hub)
    pool.close_deliveries()
    for message in pool.in_hand():
        if not message.is_running:
            pool.hand_back(message)
    running = _unsettled(pool)
    if running:
        log.info("%d messages are in hand; they have %.0f s to finish, then they are handed back", running, drain_s)
    _turn_until(turn, lambda: not _unsettled(pool), drain_s)
    left = [message for message in pool.in_hand() if not message.is_settled]
    for message in left:
        pool.hand_back(message)
    if left:
        log.warning("%d messages did not finish in %.0f s; others will answer them", len(left), drain_s)
        _turn_until(turn, lambda: not pool.in_hand(), LEAVE_S)
    turn()  # the last acks
    turn()


def _unsettled(pool: EnginePool) -> int:
    return sum(not message.is_settled for message in pool.in_hand())


def _turn_until(turn: Callable[[], None], is_done: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not is_done() and time.monotonic() < end:
        turn()


def _turner(hub: Any) -> Callable[[], None]:
    """One turn of the event loop, at most TURN_S long."""
    if hub is None:
        return lambda: time.sleep(TURN_S)
    is_broken = False

    def turn() -> None:
        nonlocal is_broken
        if is_broken:
            time.sleep(TURN_S)
            return
        hub.call_later(TURN_S, lambda: None)  # or it would wait for the next event, which may be seconds away
        try:
            hub.run_once()
        except Exception as error:  # acks are lost with the connection; the rows say what is answered
            log.warning("the connection to the broker is lost while draining (%s); jobs in hand go on", error)
            is_broken = True

    return turn
