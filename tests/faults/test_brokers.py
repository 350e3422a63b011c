"""Deaths and cut networks on Redis and RabbitMQ: everything is answered, once. The long form is the kill table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storehand import Client
from storehand.job import EventKind, Status
from tests.chaos.fleet import RemoteWorker
from tests.pipeline.combinations import places
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.rigs import namespace
from tests.rigs.namespace import Namespace
from tests.rigs.proxy import Proxy
from tests.waiting import until


@pytest.fixture(params=["redis+redis", pytest.param("rabbitmq+redis", marks=pytest.mark.long)])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, concurrency=64, visibility_s=10, **places(request.param, request.getfixturevalue))


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    with Client(shop.settings) as opened:
        yield opened


@pytest.fixture
def cut_off() -> Iterator[Namespace]:
    if reason := namespace.why_not():
        pytest.skip(reason)
    with Namespace() as made:
        yield made


def ends_of(client: Client, job_id: str) -> int:
    return sum(event.kind is EventKind.END for event in client.store.events(job_id))


def test_after_sigkill_with_50_in_flight_the_next_worker_answers_all_once(shop: Shop, client: Client) -> None:
    with shop.worker() as worker:
        handles = client.submit_many([ProbeInput(work_s=0.2) for _ in range(48)])
        handles += [client.submit(ProbeInput(work_s=0.2)) for _ in range(12)]
        until(lambda: len(shop.noted("starts")) >= 50, timeout_s=20)
        worker.kill()
    before = {job.id: job.finished_at for job in client.store.find(statuses=[Status.SUCCEEDED], limit=100)}

    with shop.worker(name="w2"):
        assert [handle.outcome(timeout=60).code for handle in handles] == ["ok"] * 60

    rows = client.store.get([handle.id for handle in handles])
    assert all(ends_of(client, job_id) == 1 for job_id in rows)
    assert before.items() <= {job_id: row.finished_at for job_id, row in rows.items()}.items()
    assert all(shop.noted("ends")[job_id] <= 1 + row.crashes for job_id, row in rows.items())


@pytest.fixture
def remote(shop: Shop, cut_off: Namespace) -> Iterator[RemoteWorker]:
    """A worker in the other network; the servers listen in ours alone, so it comes in by doors on the link."""
    with ExitStack() as stack:
        urls: dict[str, object] = {}
        for name in ("broker_url", "store_url"):
            door = stack.enter_context(Proxy.before(str(shop.overrides[name]), host=cut_off.outside))
            urls[name] = door.through(str(shop.overrides[name]))
        yield stack.enter_context(RemoteWorker(shop, "remote", cut_off, urls))


@pytest.mark.long
def test_a_worker_whose_network_is_cut_mid_job_and_comes_back_gives_no_second_answer(
    shop: Shop, client: Client, cut_off: Namespace, remote: RemoteWorker
) -> None:
    handle = client.submit(ProbeInput(work_s=6))
    until(lambda: shop.noted("starts")[handle.id] == 1)
    cut_off.cut()
    with shop.worker(name="here"):
        until(
            lambda: shop.noted("starts")[handle.id] == 2, timeout_s=120
        )  # taken over: RabbitMQ waits for two heartbeats
        cut_off.heal()
        outcome = handle.outcome(timeout=30)
        first = handle.job
        until(remote.is_ready, timeout_s=30)  # broker and store are back, it says

    later = client.submit(ProbeInput(work_s=0.1))  # the worker that was cut off is the only one now
    assert later.outcome(timeout=30).code == "ok"
    assert outcome.code == "ok"
    assert (outcome.output or {})["attempt"] == 2
    assert handle.job == first
    assert ends_of(client, handle.id) == 1
