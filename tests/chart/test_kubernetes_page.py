"""docs/kubernetes.md: what it tells people to write can be installed, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.chart.render import render

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
BLOCKS = [dedent(f"{text}\n") for text in re.findall(r"```yaml\n(.*?)\n *```", PAGE, re.DOTALL)]
SHOP, KEDA, ADAPTER = (yaml.safe_load(block) for block in BLOCKS)
GPU_ROWS = re.findall(r"^\| (?:a device per pod|another|MIG|time slices).* \| (.*) \|$", PAGE, re.MULTILINE)


def test_the_first_values_install_two_pools_with_rules_and_dashboards():
    assert {each["kind"] for each in render(SHOP)} >= {
        "Deployment",
        "PodMonitor",
        "PrometheusRule",
        "ConfigMap",
        "NetworkPolicy",
    }


def test_the_values_for_keda_give_scaled_objects_with_all_three_sources():
    (scaled,) = [each for each in render(SHOP, KEDA) if each["kind"] == "ScaledObject"]

    assert [each["type"] for each in scaled["spec"]["triggers"]][:3] == ["prometheus", "metrics-api", "redis"]


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


def test_four_rows_were_found_and_the_named_files_exist():
    assert len(GPU_ROWS) == 4
    named = re.findall(r"\]\(((?!http)[^)#]+)", PAGE) + re.findall(r"(helm/[\w./-]+\.(?:yaml|yml))", PAGE)

    missing = [name for name in named if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists()]

    assert not missing
