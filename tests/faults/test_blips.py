"""The broker goes away under running jobs and comes back: nobody runs them again, and work goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis

from storehand import Client
from storehand.job import EventKind, Status
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop, WorkerProcess
from tests.servers import RabbitServer, RedisServer, Server
from tests.waiting import until


def cut_redis(server: Server) -> None:
    with Redis.from_url(server.url) as redis:
        redis.client_kill_filter(_type="pubsub")
        redis.client_kill_filter(_type="normal", skipme=True)


def cut_rabbit(server: Server) -> None:
    assert isinstance(server, RabbitServer)
    server.call("[exit(P, kill) || P <- rabbit_networking:connections()]")


def die(server: Server) -> None:
    if isinstance(server, RabbitServer):
        server.flush()
    server.kill()
    server.start()


BROKERS = {"redis": (RedisServer, cut_redis), "rabbitmq": (RabbitServer, cut_rabbit)}


@pytest.fixture(scope="module", params=list(BROKERS))
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param


@pytest.fixture(scope="module")
def server(broker: str) -> Iterator[Server]:
    """Of this module alone: it is killed."""
    kind, _ = BROKERS[broker]
    if reason := kind.missing():
        pytest.skip(reason)
    with kind() as running:
        yield running


Blip = Callable[[Sequence[WorkerProcess]], None]


@pytest.fixture(params=["connections are cut", pytest.param("server is killed", marks=pytest.mark.long)])
def blip(request: pytest.FixtureRequest, broker: str, server: Server) -> Blip:
    """Returns when the workers have connected again."""
    is_kill = request.param == "server is killed"

    def happen(workers: Sequence[WorkerProcess]) -> None:
        before = [connected(worker) for worker in workers]
        die(server) if is_kill else BROKERS[broker][1](server)
        until(lambda: all(connected(w) > b for w, b in zip(workers, before, strict=True)), timeout_s=40)

    return happen


@pytest.fixture
def shop(tmp_path: Path, server: Server) -> Shop:
    return Shop(tmp_path, broker_url=server.fresh_url())


def connected(worker: WorkerProcess) -> int:
    return worker.log_text().count("Connected to")


@pytest.mark.parametrize("broker", ["redis", pytest.param("rabbitmq", marks=pytest.mark.long)], indirect=True)
def test_under_long_jobs_a_blip_starts_none_again_and_the_worker_consumes_on(
    shop: Shop, client: Client, blip: Blip
) -> None:
    with shop.worker() as worker:
        handles = [client.submit(ProbeInput(work_s=5.0)) for _ in range(8)]
        handles += client.submit_many([ProbeInput(work_s=5.0) for _ in range(2)])
        until(lambda: len(shop.noted("starts")) == 10)

        blip([worker])
        late = [client.submit(ProbeInput(text="after the blip", work_s=0.1)) for _ in range(20)]

        assert {handle.result(timeout=60).text for handle in late} == {"after the blip"}
        assert "error of our own" not in worker.log_text()
        assert [handle.result(timeout=60).attempt for handle in handles] == [1] * 10
        assert set(shop.noted("starts").values()) == set(shop.noted("ends").values()) == {1}
        has_joined = any(note.what == "joined" for each in handles for note in client.store.history(each.id))
        assert has_joined == ("it joins" in worker.log_text())  # Redis, killed, gives nothing back before visibility_s
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0

    with shop.worker(name="w2") as second:  # every message was acked, by the delivery that could
        client.submit(ProbeInput(text="next")).result(timeout=20)
        assert redelivered(second) == 0


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)
@pytest.mark.long
def test_six_jobs_on_three_workers_start_six_times(shop: Shop, client: Client, blip: Blip) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(shop.worker(name=f"w{number}", concurrency=4)) for number in range(3)]
        handles = [client.submit(ProbeInput(work_s=6.0)) for _ in range(6)]
        until(lambda: len(shop.noted("starts")) == 6)

        blip(workers)

        assert [handle.result(timeout=30).attempt for handle in handles] == [1] * 6
        assert set(shop.noted("starts").values()) == {1}
        short = [client.submit(ProbeInput(work_s=0.1)) for _ in range(24)]
        assert {handle.outcome(timeout=20).code for handle in short} == {"ok"}


@pytest.mark.long
def test_sigterm_while_the_broker_is_away_ends_the_worker_in_order(shop: Shop, client: Client, server: Server) -> None:
    with shop.worker(drain_s=15) as worker:
        short, long = client.submit(ProbeInput(work_s=2.0)), client.submit(ProbeInput(work_s=60))
        until(lambda: len(shop.noted("starts")) == 2)
        with server.paused():
            worker.send(signal.SIGTERM)
            assert worker.wait(40) == 0

    assert short.outcome(timeout=1).code == "ok"
    assert (long.status, long.job.attempts, long.job.crashes) == (Status.QUEUED, 0, 0)


def redelivered(worker: WorkerProcess) -> float:
    lines = worker.get("/metrics")[1].splitlines()
    return float(next(line for line in lines if line.startswith("storehand_redelivered_total")).split()[-1])


def test_jobs_go_on_while_their_store_is_away_for_longer_than_a_lease(tmp_path: Path) -> None:
    with RedisServer() as store:
        shop = Shop(tmp_path, store_url=store.url)
        with shop.worker() as worker, Client(shop.settings) as client:
            handles = [client.submit(ProbeInput(work_s=work_s)) for work_s in (1.0, 1.0, 6.0, 6.0)]
            handles += client.submit_many([ProbeInput(work_s=1.0), ProbeInput(work_s=6.0)])
            until(lambda: len(shop.noted("starts")) == 6)

            store.kill()
            until(lambda: len(shop.noted("ends")) == 3)
            # Longer than lease_s, by a second each.
            until(lambda: worker.log_text().count("trying again") >= 6, timeout_s=30)
            store.start()

            assert [handle.outcome(timeout=20).code for handle in handles] == ["ok"] * 6
            assert client.submit(ProbeInput(text="after")).result(timeout=20).text == "after"
            ends = {handle.id: [event.kind for event in handle.stream(timeout=5)] for handle in handles}

        assert {kind for kinds in ends.values() for kind in kinds} == {EventKind.END}
        assert {len(kinds) for kinds in ends.values()} == {1}
        assert set(shop.noted("starts").values()) == {1}
