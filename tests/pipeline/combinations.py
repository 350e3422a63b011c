"""Which broker and which store a sentence runs on.

`@everywhere` (or `pytestmark = everywhere`): on the embedded queue and on one combination per broker server; `make
test-long` runs it on all. `@everywhere("redis+redis")` keeps `make test` to the named ones, `@only("embedded")` both.
Without a marker a sentence runs on the embedded queue alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

EMBEDDED = "embedded"
MATRIX = ("embedded", "redis+redis", "rabbitmq+redis")
LONG_MATRIX = ("redis+sqlite", "redis+postgres", "rabbitmq+sqlite", "rabbitmq+postgres")

everywhere = pytest.mark.everywhere
only = pytest.mark.only_on

_BROKERS: Mapping[str, str] = {"redis": "redis_server", "rabbitmq": "rabbit_server"}
_STORES: Mapping[str, str] = {"redis": "redis_server", "postgres": "postgres_server"}


def chosen(item: pytest.Item) -> list[Any]:
    """Parameters for one test: the names of combinations."""
    if named := item.get_closest_marker("only_on"):
        return list(named.args)
    marker = item.get_closest_marker("everywhere")
    if marker is None:
        return [EMBEDDED]
    usual = marker.args or MATRIX
    rest = [name for name in (*MATRIX, *LONG_MATRIX) if name not in usual]
    return [*usual, *(pytest.param(name, marks=pytest.mark.long) for name in rest)]


def places(name: str, fixture: Callable[[str], Any]) -> dict[str, object]:
    """The settings of a combination, each on a database or virtual host that nobody else uses."""
    broker, _, store = name.partition("+")
    found: dict[str, object] = {}
    if broker in _BROKERS:
        found["broker_url"] = fixture(_BROKERS[broker]).fresh_url()
    if store in _STORES:
        found["store_url"] = fixture(_STORES[store]).fresh_url()
    return found
