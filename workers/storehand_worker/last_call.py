"""Sees to it that a worker that is told to leave does leave, whatever its event loop stands in: a broker that says
nothing may hold it for longer than the grace period."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storehand_worker.pool import EnginePool

log = logging.getLogger(__name__)

LOOK_S = 0.25
LATE_S = 1.0
"""The drain hands back on time by itself, unless it never began."""
CLOSE_S = 12.0
"""After the hand-over: models and connections are closed."""


class LastCall:
    """A thread of its own, which waits until the drain begins. `code` is what the process should leave with."""

    def __init__(
        self,
        drain_s: float,
        *,
        code: Callable[[], int],
        leave: Callable[[int], None] = os._exit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._drain_s = drain_s
        self._code = code
        self._leave = leave
        self._clock = clock
        self._ends_at: float | None = None
        self._is_cold = False
        self._has_begun = threading.Event()
        self._pool: EnginePool | None = None

    def start(self, pool: EnginePool) -> None:
        self._pool = pool
        threading.Thread(target=self._loop, name="storehand-last-call", daemon=True).start()

    def begin(self, *, is_cold: bool = False) -> None:
        """The grace period begins, or ends if `is_cold`. May be called from a signal handler, and again."""
        if is_cold and not self._is_cold:
            self._is_cold = True
            self._ends_at = self._clock()
        if self._ends_at is None:
            self._ends_at = self._clock() + self._drain_s
        if not self._has_begun.is_set():
            self._has_begun.set()

    @property
    def left_s(self) -> float:
        """Of the grace period; all of it while it has not begun."""
        return self._drain_s if self._ends_at is None else max(0.0, self._ends_at - self._clock())

    def look(self) -> None:
        """What the drain should have done by now is done here."""
        assert self._pool is not None
        assert self._ends_at is not None
        self._pool.close_deliveries()
        late_s = self._clock() - self._ends_at
        left = [message for message in self._pool.in_hand() if not message.is_settled] if late_s > LATE_S else []
        for message in left:
            self._pool.hand_back(message, message_returns=False)
        if left:
            log.warning("the event loop stands still; %d messages are handed back without it", len(left))
        if late_s > CLOSE_S:
            log.critical("the event loop, or what is being closed, stands still; the worker leaves without it")
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            self._leave(self._code())

    def _loop(self) -> None:
        self._has_begun.wait()
        while True:
            try:
                self.look()
            except Exception:
                log.exception("the last call met an error of our own; it looks again in %.2f s", LOOK_S)
            time.sleep(LOOK_S)
