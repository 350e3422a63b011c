"""A job store that remembers whether it can be reached: each call that ends with Unavailable is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from storehand.errors import Unavailable
from storehand.store import JobStore

NO_SIGN = ("now", "changed", "close")
"""Some stores answer these without asking anybody, so that they say nothing about the store."""


class WatchedStore:
    """Behaves as the store it was made of; `is_up` is what the last call has found."""

    def __init__(self, store: JobStore, on_error: Callable[[], None]) -> None:
        self._store = store
        self._on_error = on_error
        self.is_up = True

    @property
    def as_store(self) -> JobStore:
        return cast(JobStore, self)

    def __getattr__(self, name: str) -> Any:
        """Called once a method: what it returns is found before the next time."""
        method = getattr(self._store, name)
        if not callable(method):
            return method
        is_sign = name not in NO_SIGN

        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:
            try:
                found = method(*args, **options)
            except Unavailable:
                self.is_up = False
                self._on_error()
                raise
            if is_sign:
                self.is_up = True
            return found

        setattr(self, name, call)
        return call
