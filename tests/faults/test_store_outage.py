"""A client whose job store is away: it is told within a bound, and what it was not told it can find out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest

from storehand import Client, JobHandle
from storehand.errors import Unavailable
from storehand.settings import Settings
from storehand.store import JobStore
from storehand.store.postgres import PostgresStore
from storehand.store.redis import RedisStore
from tests.pipeline.combinations import places
from tests.pipeline.probe_plugin import ProbeInput, ProbeOutput
from tests.rigs.proxy import Proxy
from tests.servers import fresh_name
from tests.waiting import until

WAIT_S = 0.7
"""The stores' own is five seconds; here nobody has the time."""

BOUND_S = 2 * WAIT_S + 6
"""A call may wait twice for an answer; and the machine may be busy."""

Way = Literal["to_server", "to_client"]


@pytest.fixture(params=["redis", "postgres"])
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    url = str(places(f"embedded+{request.param}", request.getfixturevalue)["store_url"])
    with Proxy.before(url) as opened:
        opened.url = opened.through(url)  # type: ignore[attr-defined]  # the channel's
        yield opened


@pytest.fixture
def settings(proxy: Proxy, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        store_url=proxy.url,  # type: ignore[attr-defined]  # the channel's
        queue_prefix=fresh_name("s"),
    )


def impatient_store(settings: Settings) -> JobStore:
    url = settings.store_url.get_secret_value()
    if url.startswith("redis"):
        return RedisStore(url, prefix=settings.queue_prefix, timeout_s=WAIT_S)
    return PostgresStore(url, schema=settings.queue_prefix, patience_s=WAIT_S)


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("storehand.store.open_store", impatient_store)
    with Client(settings) as opened:
        submitted(opened, "first")  # connected, as a web server's client mostly is
        yield opened


def submitted(client: Client, key: str) -> JobHandle[ProbeOutput]:
    """One job, although a busy machine may need longer to connect than these stores wait."""

    def attempt() -> JobHandle[ProbeOutput] | None:
        with suppress(Unavailable):
            return client.submit(ProbeInput(), idempotency_key=key)
        return None

    job = until(attempt, timeout_s=30)
    assert job is not None
    return job


def refused(client: Client, key: str) -> Unavailable:
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        client.submit(ProbeInput(), idempotency_key=key)
    assert time.monotonic() - began < BOUND_S
    return caught.value


def count(client: Client) -> int:
    """Rows, once the store answers again."""

    def rows() -> list[object] | None:
        with suppress(Unavailable):
            return list(client.store.find(limit=10))
        return None

    return len(until(rows, timeout_s=30) or ())


def test_a_refused_submit_says_so_and_writes_nothing(client: Client, proxy: Proxy) -> None:
    proxy.refuse()

    error = refused(client, "k")

    assert error.details["job_ids"]
    proxy.heal()
    assert count(client) == 1


@pytest.mark.parametrize("way", ["to_server", "to_client"])
def test_a_submit_whose_answer_is_lost_is_settled_when_the_caller_is_told(
    client: Client, proxy: Proxy, way: Way
) -> None:
    proxy.swallow(way)
    error = refused(client, "k")
    proxy.heal()

    found = until(lambda: looked_up(client, error), timeout_s=30)
    again = submitted(client, "k")

    assert (again.id in error.details["job_ids"]) == (found == ["stored"])  # what stood then is the first job
    assert until(lambda: looked_up(client, error), timeout_s=30) == found  # and what did not has not come since
    assert way == "to_client" or found == ["missing"]
    assert count(client) == 2


def looked_up(client: Client, error: Unavailable) -> list[str] | None:
    """What the ids in the error's details tell."""
    ids = error.details["job_ids"]
    with suppress(Unavailable):
        rows = client.store.get(ids)
        return ["stored" if each in rows else "missing" for each in ids]
    return None


def test_what_the_network_delivers_too_late_is_not_executed(client: Client, proxy: Proxy) -> None:
    proxy.swallow("to_server")
    error = refused(client, uuid.uuid4().hex)
    proxy.heal()

    until(lambda: looked_up(client, error) is not None, timeout_s=30)
    submitted(client, "after it")

    assert until(lambda: looked_up(client, error), timeout_s=30) == ["missing"]
    assert count(client) == 2
