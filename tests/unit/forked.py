"""Runs a function in a forked child and tells how it ended; a child that hangs is killed and fails the test."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

from tests.waiting import until


def in_child(function: Callable[[], object], *, timeout_s: float = 15.0) -> None:
    """The function must return without an error, in time."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    ended: list[int] = []

    def is_over() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        ended.extend([os.waitstatus_to_exitcode(status)] if pid else [])
        return bool(ended)

    try:
        until(is_over, timeout_s=timeout_s)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    assert ended == [0]
