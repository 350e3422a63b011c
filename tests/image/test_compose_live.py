"""The composition's own configuration files under real servers on this machine: only addresses and folders differ."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from storehand import Client
from tests.image.composition import FOLDER, ROOT, composition
from tests.image.test_compose_files import SCRAPES, make_secrets
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop
from tests.servers import PrometheusServer, RabbitServer, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.long
ELSEWHERE = ("dir ", "log.", "aclfile ", "load_definitions ")
"""Lines that say where, not how: the servers of the tests have folders of their own."""


def lines_of(configuration: Path) -> list[str]:
    lines = configuration.read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", *ELSEWHERE))]


class ComposedPrometheus(PrometheusServer):
    """Reads helm/compose/prometheus.yml with other addresses and a shorter interval."""

    def __init__(self, addresses: dict[str, str]) -> None:
        super().__init__()
        self.addresses = addresses

    def _prepare(self) -> None:
        read: dict[str, Any] = yaml.safe_load(yaml.safe_dump(SCRAPES))
        read["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        read["rule_files"] = [str(ROOT / "helm/rules/*.yaml")]
        kept = {"storehand-worker": "worker", "storehand-exporter": "exporter"}
        read["scrape_configs"] = [each for each in read["scrape_configs"] if each["job_name"] in kept]
        for job in read["scrape_configs"]:
            labels = [group.get("labels", {}) for group in job.get("static_configs", [{}])]
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": [self.addresses[kept[job["job_name"]]]], "labels": labels[0]}]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(read))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Shop]:
    """A shop on the composition's RabbitMQ and Redis, with the passwords that its script made."""
    secrets = tmp_path / "secrets"
    make_secrets(secrets)
    (tmp_path / "shop").mkdir()
    users, rights = f"aclfile {secrets / 'redis_users'}", f"load_definitions = {secrets / 'rabbitmq_definitions'}"
    with (
        RedisServer(*lines_of(FOLDER / "redis.conf"), users) as redis,
        RabbitServer(*lines_of(FOLDER / "rabbitmq.conf"), rights) as rabbitmq,
    ):
        broker_url = (secrets / "broker_url").read_text().strip().replace("rabbitmq:5672", f"127.0.0.1:{rabbitmq.port}")
        store_url = (secrets / "store_url").read_text().strip().replace("redis:6379", f"127.0.0.1:{redis.port}")
        yield Shop(tmp_path / "shop", broker_url=broker_url, store_url=store_url)


@contextmanager
def exporter(shop: Shop) -> Iterator[str]:
    """Its address while it runs with the composition's pools."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pools = composition()["services"]["exporter"]["environment"]["STOREHAND_POOLS"]
    environment = {**shop.environment, "STOREHAND_POOLS": pools, "STOREHAND_HTTP_PORT": str(port)}
    with (shop.folder / "exporter.log").open("w") as log:
        command = [sys.executable, "-m", "storehand.cli", "exporter"]
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_jobs_are_answered_and_prometheus_sees_worker_and_exporter_under_their_labels(box):
    with box.worker() as worker, exporter(box) as address, Client(box.settings) as client:
        handles = client.submit_many([ProbeInput(text=str(number)) for number in range(40)])
        assert [handle.result(timeout=30).text for handle in handles] == [str(number) for number in range(40)]

        with ComposedPrometheus({"worker": worker.address, "exporter": address}) as prometheus:
            until(lambda: [each["health"] for each in prometheus.targets()] == ["up", "up"], timeout_s=30)
            until(lambda: prometheus.query('pool:storehand_required_workers:sum{pool="default"}'), timeout_s=60)
            (ready,) = until(lambda: prometheus.query("pool:storehand_ready_workers:sum == 1"), timeout_s=60)
            assert not [rule for rule in prometheus.rules() if rule["health"] == "err"]

    assert ready.labels.items() >= {"namespace": "compose", "release": "storehand", "pool": "default"}.items()


def test_doctor_finds_nothing_that_loses_jobs(box):
    with box.worker():
        command = [sys.executable, "-m", "storehand.cli", "doctor"]
        said = subprocess.run(command, env=box.environment, capture_output=True, text=True, timeout=120)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "noeviction: a full Redis refuses" in said.stdout
