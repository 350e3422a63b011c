"""Exporter and test pod as the chart starts them: probes pass, scalers are answered, the doctor finds all in order."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from storehand import Client
from tests.chart.kubelet import PodProcess
from tests.chart.matrix import BASE, TOGGLES
from tests.chart.pods import pods
from tests.chart.render import render
from tests.pipeline.combinations import places
from tests.pipeline.probe_plugin import ProbeInput
from tests.pipeline.workers import Shop

DOCUMENTS = render(BASE, TOGGLES["keda"])


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, **places("redis+redis", request.getfixturevalue))


def _pod(shop: Shop, component: str) -> PodProcess:
    """Of the chart; broker and store are the shop's, by secrets alone."""
    secrets = {name: str(shop.overrides.pop(name)) for name in ("broker_url", "store_url")}
    shop.overrides.clear()
    pod = next(each for each in pods(DOCUMENTS) if each.component == component)
    return PodProcess(shop, component, pod, DOCUMENTS, secrets)


def test_the_exporters_pod_passes_its_probes_and_answers_what_keda_asks_of_each_pool(shop: Shop) -> None:
    urls = [
        urlsplit(trigger["metadata"]["url"])
        for scaled in DOCUMENTS
        if scaled["kind"] == "ScaledObject"
        for trigger in scaled["spec"]["triggers"]
        if trigger["type"] == "metrics-api"
    ]
    with Client(shop.settings) as client:
        client.submit_many([ProbeInput() for _ in range(64)])
    with _pod(shop, "exporter") as exporter:
        answers = {url.query: exporter.get(f"{url.path}?{url.query}") for url in urls}

        assert {status for status, _ in answers.values()} == {200}
        required = {query: json.loads(text)["required"] for query, (_, text) in answers.items()}
        assert set(required) == {"pool=text", "pool=encoder"}
        assert required["pool=encoder"] > 0 == required["pool=text"], "the probe's family is `default`"
        assert exporter.probe("livenessProbe")

        stopped = exporter.stop()
    assert (stopped.exit_code, stopped.was_killed) == (0, False)


@pytest.mark.long  # doctor imports all that a worker would
def test_helm_test_is_a_doctor_that_finds_broker_and_store_in_order(shop: Shop) -> None:
    doctor = _pod(shop, "test")
    command, environment = doctor.command(), doctor.environment

    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "redis" in ran.stdout
