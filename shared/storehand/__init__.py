"""Storehand: a queue of AI jobs for a shop. `from storehand import Client` is all a backend needs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storehand.aclient import AsyncClient
    from storehand.client import Client, JobHandle
    from storehand.job import Priority, Status
    from storehand.settings import Settings

_HOME = {
    "AsyncClient": "storehand.aclient",
    "Client": "storehand.client",
    "JobHandle": "storehand.client",
    "Priority": "storehand.job",
    "Settings": "storehand.settings",
    "Status": "storehand.job",
}

__all__ = ["AsyncClient", "Client", "JobHandle", "Priority", "Settings", "Status"]


def __getattr__(name: str) -> Any:
    """Loads on first use: importing a submodule must not pull in Celery."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'storehand' has no attribute {name!r}")
