"""Rules, dashboards and scrape targets leave the chart as their generators made them, and find the pods' labels."""

from __future__ import annotations

import json
from typing import Any

from tests.chart import strict_yaml
from tests.chart.matrix import BASE, TOGGLES
from tests.chart.pods import pods
from tests.chart.render import CHART, render, render_texts

WATCHED = (BASE, TOGGLES["watched"])


def _rules(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        f"{group['name']} {rule.get('alert') or rule['record']}": rule for group in groups for rule in group["rules"]
    }


def _written() -> dict[str, dict[str, Any]]:
    files = sorted((CHART / "rules").glob("*.yaml"))
    return _rules([group for file in files for group in strict_yaml.documents(file.read_text("utf-8"))[0]["groups"]])


def _rendered(**metrics: Any) -> dict[str, dict[str, Any]]:
    made = [each for each in render(*WATCHED, {"metrics": metrics}) if each["kind"] == "PrometheusRule"]
    return _rules([group for each in made for group in each["spec"]["groups"]])


def test_every_rule_is_installed_as_it_was_generated() -> None:
    written, rendered = _written(), _rendered()

    assert written.keys() == rendered.keys()
    for name, rule in rendered.items():
        assert rule["expr"] == written[name]["expr"], name
        assert rule.get("for") == written[name].get("for")
        for text in ("summary", "description"):
            assert rule.get("annotations", {}).get(text) == written[name].get("annotations", {}).get(text)


def test_alerts_wear_the_users_labels_and_those_that_are_not_wanted_are_left_out() -> None:
    alerts = {name: rule for name, rule in _rendered().items() if "alert" in rule}
    unwanted, first = next(iter(alerts)), next(iter(alerts.values()))["alert"]

    assert {rule["labels"]["team"] for rule in alerts.values()} == {"search"}
    assert all(rule["labels"]["severity"] == _written()[name]["labels"]["severity"] for name, rule in alerts.items())
    assert _written().keys() - _rendered(rules={"disabled": [first]}).keys() == {unwanted}


def test_every_dashboard_is_installed_as_it_was_generated_where_grafana_looks() -> None:
    maps = [each for each in render(*WATCHED) if each["metadata"]["labels"].get("dashboards") == "yes"]
    boards = {name: json.loads(text) for each in maps for name, text in each["data"].items()}

    assert boards == {path.name: json.loads(path.read_text("utf-8")) for path in (CHART / "dashboards").glob("*.json")}
    assert {(each["metadata"]["namespace"], each["metadata"]["annotations"]["grafana_folder"]) for each in maps} == {
        ("grafana", "Shop")
    }


def test_a_target_gets_its_release_and_pool_from_labels_that_its_pods_have() -> None:
    documents = render(*WATCHED)
    for monitor in (each for each in documents if each["kind"] == "PodMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        sources = {each["targetLabel"]: each["sourceLabels"][0] for each in endpoint["relabelings"]}
        chosen = [pod for pod in pods(documents) if wanted.items() <= pod.labels.items()]
        assert chosen
        for pod in chosen:
            meta = {f"__meta_kubernetes_pod_label_{_mangled(key)}": value for key, value in pod.labels.items()}
            assert meta[sources["release"]] == "shop"
            assert pod.pool is None or meta[sources["pool"]] == pod.pool


def test_a_password_in_the_values_stands_in_no_text_but_its_secret() -> None:
    texts = render_texts(BASE, TOGGLES["urls in values"], TOGGLES["watched"])

    assert [path for path, text in texts.items() if "geheim" in text] == []
    assert "storehand/templates/NOTES.txt" in texts


def _mangled(label: str) -> str:
    """As Prometheus makes a label's name of it."""
    return "".join(letter if letter.isalnum() else "_" for letter in label)
