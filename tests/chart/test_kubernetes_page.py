"""docs/kubernetes.md: what it tells people to write can be installed, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.chart.pods import pods
from tests.chart.render import render
from tests.chart.settings_of import pod_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
BLOCKS = [dedent(f"{text}\n") for text in re.findall(r"```yaml\n(.*?)\n *```", PAGE, re.DOTALL)]
SHOP, KEDA, BROKER, ADAPTER, KNOWLEDGE, OPENSHIFT = (yaml.safe_load(block) for block in BLOCKS)
GPU_ROWS = re.findall(
    r"^\| (?:a device per pod|another|MIG|time slices|a runtime class).* \| (.*) \|$", PAGE, re.MULTILINE
)


def test_the_first_values_install_two_pools_with_rules_and_dashboards():
    assert {each["kind"] for each in render(SHOP)} >= {
        "Deployment",
        "PodMonitor",
        "PrometheusRule",
        "ConfigMap",
        "NetworkPolicy",
    }


def test_the_values_for_keda_ask_prometheus_and_the_exporter_and_the_broker_only_where_one_says_so():
    def asked(*layers):
        (scaled,) = [each for each in render(SHOP, *layers) if each["kind"] == "ScaledObject"]
        return list(dict.fromkeys(each["type"] for each in scaled["spec"]["triggers"]))

    assert asked(KEDA) == ["prometheus", "metrics-api"]
    assert asked(KEDA, BROKER) == ["prometheus", "metrics-api", "redis"]


def test_the_secret_that_the_page_makes_has_every_key_that_its_values_name():
    made = set(re.findall(r"--from-file=([\w-]+)=", PAGE))
    documents = render(SHOP, KEDA, BROKER)
    asked = {
        item["key"]
        for document in documents
        if document["kind"] == "TriggerAuthentication"
        for item in document["spec"]["secretTargetRef"]
    }
    for pod in pods(documents):
        (secrets,) = [volume for volume in pod.spec["volumes"] if volume["name"] == "secrets"]
        asked |= {item["key"] for source in secrets["projected"]["sources"] for item in source["secret"]["items"]}

    assert made == asked == {"broker_url", "store_url", "redis-password"}


def test_the_values_for_knowledge_bases_point_the_workers_at_the_claim():
    documents = render(SHOP, KNOWLEDGE)
    pod = next(each for each in pods(documents) if each.pool == "text")
    folder = str(pod_settings(pod, documents, broker="redis").knowledge_dir)

    (mount,) = [each for each in pod.main["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod.spec["volumes"] if each["name"] == mount["name"]]
    assert "persistentVolumeClaim" in volume


def test_the_values_for_openshift_leave_the_user_to_it_and_reach_its_dns():
    documents = render(SHOP, OPENSHIFT)
    (policy,) = [each for each in documents if each["kind"] == "NetworkPolicy"]

    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert 5353 in ports
    for pod in pods(documents):
        assert pod.spec["securityContext"].keys() & {"runAsUser", "runAsGroup", "fsGroup"} == set()
        assert pod.spec["securityContext"]["runAsNonRoot"]


def test_the_adapters_rule_makes_the_metric_that_the_hpa_asks_for():
    over = {"pools": {"text": {"autoscaling": {"mode": "hpa", "min": 1, "max": 4}}}}
    (scaler,) = [each for each in render(SHOP, over) if each["kind"] == "HorizontalPodAutoscaler"]
    (rule,) = ADAPTER["rules"]["external"]
    series = rule["seriesQuery"].partition("{")[0]

    assert scaler["spec"]["metrics"][0]["external"]["metric"]["name"] == rule["name"]["as"]
    assert f"record: {series}\n" in (ROOT / "helm/rules/recording.yaml").read_text()


@pytest.mark.parametrize("row", GPU_ROWS)
def test_the_values_for_gpus_install(row):
    parts = [yaml.safe_load(part) for part in re.findall(r"`([a-zA-Z]+: \{.*?\})`", row)]
    pool = next(part for part in parts if "gpu" in part)
    devices = next((part for part in parts if "gpuDevices" in part), {})

    rendered = render(SHOP, {"pools": {"text": pool}}, devices)
    pods = [each for each in rendered if each["kind"] == "Deployment"]

    wanted = pool["gpu"].get("resource", "nvidia.com/gpu")
    limits = [each["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for each in pods]
    assert any(wanted in each for each in limits)


def test_all_rows_were_found_and_the_named_files_exist():
    assert len(GPU_ROWS) == 5
    named = re.findall(r"\]\(((?!http)[^)#]+)", PAGE) + re.findall(r"(helm/[\w./-]+\.(?:yaml|yml))", PAGE)

    missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists()]

    assert not missing
