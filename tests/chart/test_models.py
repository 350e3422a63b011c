"""Models in the chart: on the device that a pool asks for, fetched as the pool's own pods would, and within reach."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.matrix import BASE, TOGGLES
from tests.chart.pods import Pod, env, pods
from tests.chart.render import Document, Values, render
from tests.chart.settings_of import pod_settings

HUB = TOGGLES["models fetched"]
MODELS: dict[str, Any] = {
    "text": {"model": "/models/text"},
    "sentiment": {"model": "/models/reviews", "device": "cpu"},
    "embedding": {"engine": "openai", "model": "m", "options": {"base_url": "http://vllm:8000/v1"}},
}


def _pod(documents: list[Document], kind: str, pool: str = "text") -> Pod:
    (found,) = [
        each
        for each in pods(documents)
        if each.owner["kind"] == kind and each.labels.get("storehand.io/pool") == pool and "pause" not in each.name
    ]
    return found


def _devices(documents: list[Document], pool: str) -> dict[str, str]:
    settings = pod_settings(_pod(documents, "Deployment", pool), documents, broker="redis")
    return {role: binding.device for role, binding in settings.models.items()}


def test_a_model_beside_a_gpu_asks_for_it_unless_its_binding_names_a_device_or_an_endpoint() -> None:
    documents = render(BASE, {"models": MODELS, "pools": {"text": {"gpu": {"enabled": True}}}})

    assert _devices(documents, "text") == {"text": "cuda", "sentiment": "cpu", "embedding": "auto"}
    assert _devices(documents, "encoder") == {"text": "auto", "sentiment": "cpu", "embedding": "auto"}


def _fetchers(own: Values, **cache: str) -> dict[str, tuple[Pod, dict[str, Any]]]:
    """Who downloads: kind of the pod's owner -> pod and container."""
    documents = render(BASE, HUB, {"pools": {"text": {"modelCache": {"type": "pvc", **cache}, **own}}})
    return {
        pod.owner["kind"]: (pod, each)
        for pod in pods(documents)
        if pod.labels.get("storehand.io/pool") == "text"
        for each in pod.containers
        if each["name"].startswith("prefetch")
    }


def test_a_download_has_the_variables_and_files_of_its_pool() -> None:
    own: Values = {
        "extraEnv": [
            {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
            {"name": "HF_ENDPOINT", "value": "http://m"},
        ],
        "extraEnvFrom": [{"secretRef": {"name": "hub-login"}}],
        "extraVolumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
        "extraVolumeMounts": [
            {"name": "authorities", "mountPath": "/etc/authorities"},
            {"name": "data", "mountPath": "/extra"},
        ],
    }
    fetchers = _fetchers(own)

    assert set(fetchers) == {"Deployment", "Job"}
    for pod, container in fetchers.values():
        assert env(container).items() >= {("HTTPS_PROXY", "http://proxy:3128"), ("HF_ENDPOINT", "http://m")}
        names = [each["name"] for each in container["env"]]
        assert len(names) == len(set(names)), "server-side apply takes no name twice"
        assert container["envFrom"] == own["extraEnvFrom"]
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert "authorities" in mounted <= {each["name"] for each in pod.spec["volumes"]}


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod"])
def test_a_claim_for_one_pod_is_filled_by_that_pod_alone(mode: str) -> None:
    assert set(_fetchers({}, accessMode=mode)) == {"Deployment"}


def _reachable(*layers: Values) -> set[int]:
    (policy,) = [each for each in render(BASE, *layers) if each["kind"] == "NetworkPolicy"]
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_hub_and_endpoints_that_stand_in_the_values_can_be_reached() -> None:
    mirror: Values = {"huggingFace": {"endpoint": "http://mirror:8081"}}
    closed: Values = {"networkPolicy": {"modelPorts": []}}

    assert {80, 8000, 8081, 8443} & _reachable(closed) == set()
    assert _reachable(mirror, {"models": MODELS}) >= {443, 8000, 8081}
    assert 80 in _reachable({"huggingFace": {"endpoint": "http://mirror"}})
    of_a_pool = {**MODELS["embedding"], "options": {"base_url": "https://tei:8443"}}
    assert 8443 in _reachable({"pools": {"encoder": {"models": {"embedding": of_a_pool}}}})


def test_no_port_of_a_hub_is_opened_twice_and_a_narrow_policy_stays_narrow() -> None:
    where = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    layers = ({"huggingFace": {"endpoint": "https://mirror"}}, {"networkPolicy": {"modelTo": where}})
    (policy,) = [each for each in render(BASE, *layers) if each["kind"] == "NetworkPolicy"]

    assert [rule for rule in policy["spec"]["egress"] if {"protocol": "TCP", "port": 443} in rule["ports"]] == [
        {"ports": [{"protocol": "TCP", "port": 443}], "to": where}
    ]
