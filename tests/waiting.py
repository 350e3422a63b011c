"""Waiting for a condition, so that no test sleeps for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, timeout_s: float = 10.0, every_s: float = 0.01) -> T:
    """The first truthy value of `condition`; AssertionError after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s:g} s: {condition!r} is still {value!r}"
        time.sleep(every_s)  # the one place that may: it polls a condition that is checked
