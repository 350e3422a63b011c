"""The watchdog of one engine: tells when a step does not end.

Python can't stop a thread that hangs inside a kernel or a driver, and a second thread over the same model would run
beside it. So a stuck engine is dead: its calls end, and the worker leaves and is started anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

TIMES_PREDICTED = 10.0
"""A step is stuck at the earliest after so many times what was predicted for it."""
LONGEST_NAP_S = 5.0


def stuck_reason(age_s: float, *, stuck_after_s: float, predicted_s: float = 0.0) -> str:
    """Why a step of this age counts as stuck; empty while it does not."""
    limit_s = max(stuck_after_s, TIMES_PREDICTED * predicted_s)
    return "" if age_s < limit_s else f"stuck: no step has ended for {age_s:.0f} s, {limit_s:.0f} s are the limit"


class Watchdog:
    """Calls `look` a few times per limit, from a thread of its own, until it answers True or `stop` is called."""

    def __init__(self, name: str, look: Callable[[], bool], *, every_s: float) -> None:
        self._look = look
        self._every_s = min(every_s, LONGEST_NAP_S)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets the thread go; waits for nothing."""
        self._is_stopped.set()

    def _run(self) -> None:
        while self._nap():
            try:
                if self._look():
                    return
            except Exception:  # or nobody would watch from here on
                log.exception("%s met an error of our own; it looks again in %.1f s", self._thread.name, self._every_s)

    def _nap(self) -> bool:
        """False once it is stopped. A nap far too long means that the whole process stood still (SIGSTOP, a frozen
        machine, a starved core): those it watches did not move either, and get a moment before they are judged."""
        began = time.monotonic()
        is_stopped = self._is_stopped.wait(self._every_s)
        if not is_stopped and time.monotonic() - began > 2 * self._every_s:
            is_stopped = self._is_stopped.wait(self._every_s)
        return not is_stopped
