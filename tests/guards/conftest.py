"""A worker per module and broker; the job store is a file beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storehand import Client
from tests.guards.wire import Line, line_of
from tests.pipeline.workers import Shop, WorkerProcess

BROKERS = ("embedded", "redis", "rabbitmq")


@pytest.fixture(scope="module", params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """The name of the broker; a test module may ask for some of them by its own `broker`."""
    return str(request.param)


@pytest.fixture(scope="module")
def broker_url(broker: str, request: pytest.FixtureRequest) -> str:
    if broker == "embedded":
        return ""
    server = request.getfixturevalue("redis_server" if broker == "redis" else "rabbit_server")
    return str(server.fresh_url())


@pytest.fixture(scope="module")
def shop(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), broker_url=broker_url)


@pytest.fixture(scope="module")
def worker(shop: Shop) -> Iterator[WorkerProcess]:
    with shop.worker() as running:
        yield running


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def line(worker: WorkerProcess, shop: Shop) -> Iterator[Line]:
    with line_of(shop.settings) as opened:
        yield opened
