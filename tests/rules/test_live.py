"""A real worker, exporter and Prometheus: every rule is healthy, and alerts come and go with real harm."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from storehand import Client
from storehand_worker.operation.rules import ALERTS, RECORDS
from tests.conftest import require
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import WorkerProcess
from tests.rules.live import LiveShop, live_shop
from tests.servers import RedisServer
from tests.waiting import until

PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """One for all tests of this file, which harm it more and more, in their order."""
    require(RedisServer)
    with live_shop(tmp_path_factory.mktemp("live")) as shop:
        yield shop


@pytest.fixture(scope="module")
def client(live: LiveShop) -> Iterator[Client]:
    with Client(live.shop.settings) as found:
        yield found


def _soon(condition: Callable[[], object]) -> None:
    until(condition, timeout_s=PATIENCE_S, every_s=0.2)


def test_every_rule_is_healthy_and_every_recorded_series_has_a_value(live, client):
    def all_there() -> bool:
        client.submit_many([ProbeInput(work_s=0.1) for _ in range(8)])
        recorded = live.server.query('{__name__=~".+:storehand_.+:.+"}')
        return {record.name for record in RECORDS} <= {each.labels["__name__"] for each in recorded}

    _soon(all_there)

    rules = live.server.rules()
    assert len(rules) == len(RECORDS) + len(ALERTS)
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []


def test_a_healthy_shop_pages_nobody(live):
    _soon(lambda: [each.value for each in live.server.query("pool:storehand_ready_workers:sum")] == [2.0])
    _soon(lambda: [each.value for each in live.server.query("pool:storehand_jobs_waiting:sum")] == [0.0])

    _soon(lambda: live.firing("page") == set())


def test_a_worker_killed_while_it_drains_is_told(live, client):
    for _ in range(6):
        client.submit(ProbeInput(work_s=120))
    _soon(lambda: live.server.query("storehand_jobs_in_hand > 0"))
    busiest = max(live.server.query("storehand_jobs_in_hand"), key=lambda each: each.value)
    victim = next(each for each in live.workers.values() if each.address == busiest.labels["instance"])

    victim.send(signal.SIGTERM)
    _soon(lambda: live.server.query("storehand_draining == 1"))
    victim.kill()

    _soon(lambda: "StorehandDrainKilled" in live.firing("ticket"))


def test_jobs_without_any_worker_page(live, client):
    for worker in live.workers.values():
        if _runs(worker):
            worker.kill()
    client.submit(ProbeInput(), priority="interactive")

    _soon(lambda: "StorehandNoWorker" in live.firing("page"))
    _soon(lambda: "StorehandWorkerDown" in live.firing("ticket"))


@pytest.mark.long
def test_an_exporter_that_is_gone_leaves_the_scaler_blind_until_it_is_back(live):
    live.exporter.kill()
    _soon(lambda: "StorehandExporterDown" in live.firing("ticket") and "StorehandScalerBlind" in live.firing("page"))

    live.exporter.start()

    _soon(lambda: not {"StorehandExporterDown", "StorehandScalerBlind"} & live.firing())


def test_a_store_that_is_gone_pages_and_nothing_else_pages_for_it(live):
    live.redis.stop()

    others = {"StorehandBrokerUnreachable", "StorehandScalerBlind"}
    _soon(lambda: "StorehandStoreUnreachable" in live.firing("page") and not others & live.firing())


def test_what_people_read_is_filled_in(live):
    said = [alert["annotations"] for rule in live.server.rules() for alert in rule.get("alerts", ())]

    assert said, "the tests before this one have left none firing"
    for words in said:
        assert not any(flaw in text for text in words.values() for flaw in ("<no value>", "<error", "{{", "%!"))
        assert words["summary"].startswith("Storehand")


def _runs(worker: WorkerProcess) -> bool:
    return worker.exit_code() is None
