"""Which broker and which store a sentence runs on.

`@everywhere` (or `pytestmark = everywhere`): on the embedded queue, and on one combination per broker server, chosen so
that every store is met; `make test-long` runs it on all. Without it a sentence runs on the embedded queue alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

EMBEDDED = "embedded"
MATRIX = ("embedded", "redis+redis", "rabbitmq+redis")
LONG_MATRIX = ("redis+sqlite", "redis+postgres", "rabbitmq+sqlite", "rabbitmq+postgres")

everywhere = pytest.mark.everywhere

_BROKERS: Mapping[str, str] = {"redis": "redis_server", "rabbitmq": "rabbit_server"}
_STORES: Mapping[str, str] = {"redis": "redis_server", "postgres": "postgres_server"}


def chosen(markers: list[pytest.Mark]) -> list[Any]:
    """Parameters for one test: the names of combinations; `@everywhere("redis+redis", ...)` names them itself."""
    if not markers:
        return [EMBEDDED]
    if markers[0].args:
        return list(markers[0].args)
    return [*MATRIX, *(pytest.param(name, marks=pytest.mark.long) for name in LONG_MATRIX)]


def places(name: str, fixture: Callable[[str], Any]) -> dict[str, object]:
    """The settings of a combination, each on a database or virtual host that nobody else uses."""
    broker, _, store = name.partition("+")
    found: dict[str, object] = {}
    if broker in _BROKERS:
        found["broker_url"] = fixture(_BROKERS[broker]).fresh_url()
    if store in _STORES:
        found["store_url"] = fixture(_STORES[store]).fresh_url()
    return found
