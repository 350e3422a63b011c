"""A client whose broker is away: bounded time, the job is stored, and it is rung for later."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from storehand import Client
from storehand.breaker import Breaker
from storehand.errors import Unavailable
from storehand.settings import Settings
from tests.pipeline.probe_plugin import ProbeInput
from tests.rigs.proxy import Proxy
from tests.servers import fresh_name
from tests.unit.forked import in_child
from tests.waiting import until

LIMIT_S = 1.0
SLACK_S = 6.0
"""For a machine that is busy."""


@pytest.fixture(params=["redis", "rabbitmq"])
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    server = request.getfixturevalue({"redis": "redis_server", "rabbitmq": "rabbit_server"}[request.param])
    with Proxy.before(server.url) as opened:
        opened.url = opened.through(server.fresh_url())  # type: ignore[attr-defined]  # the channel's
        yield opened


@pytest.fixture
def settings(proxy: Proxy, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        broker_url=proxy.url,  # type: ignore[attr-defined]  # the channel's
        queue_prefix=fresh_name("q"),
        synchronous="NORMAL",
        publish_timeout_s=LIMIT_S,
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with Client(settings) as opened:
        yield opened


def unrung(client: Client) -> int:
    return sum(job.published_at is None for job in client.store.find(limit=2000))


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def is_rung(client: Client) -> bool:
    """What the reconciler does."""
    try:
        client.producer.ring(client.store.unrung(grace_s=0))
    except Unavailable:
        return False
    return unrung(client) == 0


def connect(client: Client) -> None:
    """A job whose message the broker has, however long its first answer takes on a busy machine."""
    client.submit(ProbeInput())
    until(lambda: is_rung(client))


@pytest.mark.parametrize("fault", ["refuse", "swallow"])
@pytest.mark.parametrize("is_connected", [True, False], ids=["connected", "fresh"])
def test_a_submit_without_a_broker_is_stored_within_the_limit_and_rung_later(
    client: Client, proxy: Proxy, fault: str, is_connected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.producer, "_breaker", Breaker(0.2))
    if is_connected:
        connect(client)
    getattr(proxy, fault)()

    took_s = timed(lambda: client.submit(ProbeInput()))

    assert took_s < LIMIT_S + SLACK_S
    assert unrung(client) == 1
    proxy.heal()
    until(lambda: is_rung(client))


def test_a_broker_that_does_not_answer_holds_up_one_of_hundreds_of_submits(
    client: Client, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    connect(client)
    proxy.swallow("to_client")

    with caplog.at_level(logging.WARNING, "storehand.client"):
        took_s = timed(lambda: [client.submit(ProbeInput()) for _ in range(300)])

    tries = len(caplog.records)
    assert tries <= 2 + took_s / 2
    assert took_s < tries * (LIMIT_S + SLACK_S) + 15
    assert unrung(client) == 300


def test_many_threads_share_the_wait_and_a_fork_in_between_is_not_held_up(client: Client, proxy: Proxy) -> None:
    connect(client)
    proxy.swallow()

    def submit_in_child() -> None:
        logging.disable()  # pytest's own stream may have been locked by another thread at the fork
        client.submit(ProbeInput())

    with ThreadPoolExecutor(24) as pool:
        waits = [pool.submit(timed, lambda: client.submit(ProbeInput())) for _ in range(24)]
        forked_s = timed(lambda: in_child(submit_in_child))

    assert max(wait.result() for wait in waits) < 2 * LIMIT_S + SLACK_S
    assert forked_s < 3 * LIMIT_S + SLACK_S
    assert unrung(client) == 25


def test_a_connection_that_died_unnoticed_costs_no_ring(settings: Settings, proxy: Proxy) -> None:
    with Client(settings.model_copy(update={"publish_timeout_s": 15.0})) as client:  # it connects anew meanwhile
        connect(client)
        proxy.cut()

        client.submit(ProbeInput())
        client.submit_many([ProbeInput()] * 3)

        assert unrung(client) == 0


def test_a_client_closes_at_once_while_the_broker_does_not_answer(client: Client, proxy: Proxy) -> None:
    connect(client)
    proxy.swallow()

    assert timed(client.producer.close) < 8  # a fraction of it on a free machine; an answer would never come
