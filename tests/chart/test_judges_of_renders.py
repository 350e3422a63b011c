"""The judges of whole renders bite: each of these flaws, put into what the chart makes, is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.chart.matrix import BASE, TOGGLES
from tests.chart.names import wrong_names, wrong_selectors
from tests.chart.references import dangling, leaks
from tests.chart.render import Document, defaults, merged, render
from tests.chart.settings_of import bad_settings

VALUES = merged(BASE, TOGGLES["keda"], TOGGLES["watched"], TOGGLES["keda asks redis"])
Judge = Callable[[list[Document]], list[str]]

DEPLOYMENT, CONFIG = ("Deployment", "shop-storehand-text"), ("ConfigMap", "shop-storehand-text")
LOST_KEY = {"name": CONFIG[1], "key": "A"}
TEMPLATE, WORKER = "spec.template", "spec.template.spec.containers.0"


def _selectors(documents: list[Document]) -> list[str]:
    return wrong_selectors(documents)


def _references(documents: list[Document]) -> list[str]:
    return dangling(documents, merged(defaults(), VALUES))


def _settings(documents: list[Document]) -> list[str]:
    return bad_settings(documents, broker="redis")


def _leaks(documents: list[Document]) -> list[str]:
    return leaks(documents, ["geheim"])


FLAWS: list[tuple[Judge, tuple[str, str], str, object]] = [
    (wrong_names, DEPLOYMENT, "metadata.name", "shop-storehand-encoder"),
    (wrong_names, DEPLOYMENT, "metadata.name", "x" * 64),
    (wrong_names, DEPLOYMENT, "metadata.name", "shop_storehand"),
    (wrong_names, DEPLOYMENT, "metadata.labels", {"app.kubernetes.io/name": "not a word"}),
    (wrong_names, DEPLOYMENT, f"{TEMPLATE}.metadata.labels", {"a/b/c": "d"}),
    (wrong_names, DEPLOYMENT, f"{WORKER}.env", [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
    (wrong_names, DEPLOYMENT, f"{WORKER}.volumeMounts.0.name", "nowhere"),
    (wrong_names, DEPLOYMENT, f"{WORKER}.ports.0.name", "metrics-and-probes"),
    (wrong_names, DEPLOYMENT, f"{WORKER}.resources.requests", {"memory": "2 GiB"}),
    (wrong_names, DEPLOYMENT, f"{WORKER}.resources.requests", {"nvidia.com/gpu": 1}),
    (_selectors, DEPLOYMENT, "spec.selector.matchLabels", {"app.kubernetes.io/instance": "shop"}),
    (_selectors, DEPLOYMENT, f"{TEMPLATE}.metadata.labels", {"app.kubernetes.io/instance": "shop"}),
    (_selectors, DEPLOYMENT, "spec.replicas", 3),
    (_selectors, DEPLOYMENT, f"{WORKER}.readinessProbe.httpGet.port", "metrics"),
    (_selectors, DEPLOYMENT, f"{WORKER}.ports", [{"name": "metrics", "containerPort": 9464}]),
    (_selectors, ("PodDisruptionBudget", "shop-storehand-text"), "spec.selector.matchLabels", {"a": "b"}),
    (_selectors, ("ScaledObject", "shop-storehand-text"), "spec.scaleTargetRef.name", "text"),
    (_selectors, ("ScaledObject", "shop-storehand-text"), "spec.scaleTargetRef.name", "shop-storehand-encoder"),
    (_selectors, ("Service", "shop-storehand-exporter"), "spec.ports.0.targetPort", "metrics"),
    (_selectors, ("PodMonitor", "shop-storehand-workers"), "spec.podMetricsEndpoints.0.port", "metrics"),
    (_references, DEPLOYMENT, f"{WORKER}.envFrom.0.configMapRef.name", "text"),
    (_references, DEPLOYMENT, f"{TEMPLATE}.spec.serviceAccountName", "text"),
    (_references, DEPLOYMENT, f"{TEMPLATE}.spec.volumes.0", {"name": "secrets", "secret": {"secretName": "lost"}}),
    (_references, DEPLOYMENT, f"{WORKER}.env", [{"name": "A", "valueFrom": {"configMapKeyRef": LOST_KEY}}]),
    (_references, ("TriggerAuthentication", "shop-storehand-broker"), "spec.secretTargetRef.0.name", "lost"),
    (_references, ("ScaledObject", "shop-storehand-text"), "spec.triggers.0.authenticationRef", {"name": "lost"}),
    (_settings, CONFIG, "data.STOREHAND_CONCURENCY", "4"),
    (_settings, CONFIG, "data.STOREHAND_CONCURRENCY", "1e+06"),
    (_settings, CONFIG, "data.STOREHAND_ROUTES", "{chat: text}"),
    (_settings, CONFIG, "data.STOREHAND_HTTP_PORT", "8000"),
    (_settings, CONFIG, "data.STOREHAND_DATA_DIR", "/data"),
    (_settings, CONFIG, "data.HOME", "/home/storehand"),
    (_settings, CONFIG, "data.STOREHAND_DRAIN_S", "51"),
    (_settings, DEPLOYMENT, f"{WORKER}.args", ["work"]),
    (_settings, DEPLOYMENT, f"{WORKER}.lifecycle.preStop.exec.command", ["storehand", "stop"]),
    (_settings, ("ConfigMap", "shop-storehand-exporter"), "data.STOREHAND_POOLS", '{"text": {"slots": 4}}'),
    (_leaks, CONFIG, "data.STOREHAND_BROKER_URL", "redis://:geheim@redis/0"),
    (_leaks, DEPLOYMENT, f"{WORKER}.args", ["worker", "--broker", "redis://:geheim@redis/0"]),
    (_leaks, DEPLOYMENT, f"{WORKER}.env", [{"name": "PASSWORD", "value": "Z2VoZWlt"}]),
]  # fmt: skip


@cache
def _rendered() -> list[Document]:
    return render(VALUES)


@pytest.mark.parametrize("judge", [wrong_names, _selectors, _references, _settings, _leaks])
def test_the_chart_as_it_is_passes(judge: Judge) -> None:
    assert judge(_rendered()) == []


@pytest.mark.parametrize(
    ("judge", "whose", "path", "value"), FLAWS, ids=[f"{w[0]} {p} {n}" for n, (_, w, p, _) in enumerate(FLAWS)]
)
def test_a_flaw_is_found(judge: Judge, whose: tuple[str, str], path: str, value: object) -> None:
    documents = copy.deepcopy(_rendered())
    place: Any = next(each for each in documents if (each["kind"], each["metadata"]["name"]) == whose)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        place = place[step]
    place[last] = value

    assert judge(documents)
