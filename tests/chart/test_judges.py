"""The judges bite: what an API server or an admission controller refuses is found, and what it takes is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from tests.chart import strict_yaml
from tests.chart.kubernetes import VERSIONS, UnknownKind, problems
from tests.chart.pod_security import beyond, violations
from tests.chart.pods import pods


def _secured_context() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "chat", "labels": {"a": "b"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "initContainers": [
                    {
                        "name": "first",
                        "image": "storehand:1",
                        "securityContext": _secured_context(),
                        "resources": {"requests": {"cpu": "1"}},
                    }
                ],
                "containers": [
                    {
                        "name": "worker",
                        "image": "storehand:1",
                        "ports": [{"containerPort": 8000}],
                        "securityContext": _secured_context(),
                        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8000}},
                        "resources": {"requests": {"cpu": "1"}},
                    }
                ],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        },
    },
}
SCALED_OBJECT: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "chat"},
    "spec": {
        "scaleTargetRef": {"name": "chat"},
        "minReplicaCount": 1,
        "maxReplicaCount": 4,
        "fallback": {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"},
        "advanced": {
            "scalingModifiers": {"formula": "required ?? queued", "target": "1", "metricType": "AverageValue"},
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": 300,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                    }
                }
            },
        },
        "triggers": [
            {
                "type": "prometheus",
                "name": "required",
                "metricType": "AverageValue",
                "metadata": {"query": "up", "threshold": "1"},
                "authenticationRef": {"name": "chat"},
            }
        ],
    },
}
TRIGGER_AUTHENTICATION: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "TriggerAuthentication",
    "metadata": {"name": "chat"},
    "spec": {"secretTargetRef": [{"parameter": "address", "name": "broker", "key": "url"}]},
}
POD_MONITOR: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PodMonitor",
    "metadata": {"name": "chat"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "podMetricsEndpoints": [
            {
                "port": "http",
                "path": "/metrics",
                "interval": "15s",
                "relabelings": [{"action": "replace", "sourceLabels": ["__meta_x"], "targetLabel": "pool"}],
            }
        ],
    },
}
PROMETHEUS_RULE: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "chat"},
    "spec": {
        "groups": [
            {
                "name": "scaling",
                "interval": "15s",
                "rules": [
                    {"record": "pool:required:sum", "expr": "up", "labels": {"a": "b"}},
                    {"alert": "Blind", "expr": "absent(up)", "for": "5m", "annotations": {"runbook_url": "x"}},
                ],
            }
        ]
    },
}
GOOD = (DEPLOYMENT, SCALED_OBJECT, TRIGGER_AUTHENTICATION, POD_MONITOR, PROMETHEUS_RULE)


GONE = object()
SPEC, WORKER, FIRST = "spec.template.spec", "spec.template.spec.containers.0", "spec.template.spec.initContainers.0"
BEHAVIOUR = "spec.advanced.horizontalPodAutoscalerConfig.behavior"
ENDPOINT = "spec.podMetricsEndpoints.0"
RULE = "spec.groups.0.rules.0"

BROKEN: list[tuple[dict[str, Any], str, object]] = [
    (DEPLOYMENT, "spec.replica", 1),
    (DEPLOYMENT, "spec.replicas", "two"),
    (DEPLOYMENT, "spec.selector", GONE),
    (DEPLOYMENT, "metadata.labels.a", 1),
    (DEPLOYMENT, f"{WORKER}.port", []),
    (DEPLOYMENT, f"{WORKER}.env", [{"name": "A", "value": 1}]),
    (SCALED_OBJECT, "metadata.label", {}),
    (SCALED_OBJECT, "spec.pollInterval", 5),
    (SCALED_OBJECT, "spec.maxReplicaCount", "4"),
    (SCALED_OBJECT, "spec.minReplicaCount", 0.5),
    (SCALED_OBJECT, "spec.cooldownPeriod", 2**31),
    (SCALED_OBJECT, "spec.scaleTargetRef", GONE),
    (SCALED_OBJECT, "spec.triggers", GONE),
    (SCALED_OBJECT, "spec.triggers.0.metadata.threshold", 1),
    (SCALED_OBJECT, "spec.fallback.behavior", "keep"),
    (SCALED_OBJECT, "spec.fallback.replicas", GONE),
    (SCALED_OBJECT, "spec.advanced.scalingModifiers.formulae", "1"),
    (SCALED_OBJECT, f"{BEHAVIOUR}.scaleDown.window", 1),
    (TRIGGER_AUTHENTICATION, "spec", GONE),
    (TRIGGER_AUTHENTICATION, "spec.secretRef", []),
    (TRIGGER_AUTHENTICATION, "spec.secretTargetRef", {}),
    (TRIGGER_AUTHENTICATION, "spec.secretTargetRef.0.key", GONE),
    (POD_MONITOR, "spec.endpoints", []),
    (POD_MONITOR, "spec.selector", GONE),
    (POD_MONITOR, "spec.selector.labels", {}),
    (POD_MONITOR, f"{ENDPOINT}.interval", "15"),
    (POD_MONITOR, f"{ENDPOINT}.relabelings.0.action", "rename"),
    (POD_MONITOR, f"{ENDPOINT}.relabelings.0.sourceLabels", "a"),
    (PROMETHEUS_RULE, "spec.group", []),
    (PROMETHEUS_RULE, "spec.groups.0.name", GONE),
    (PROMETHEUS_RULE, f"{RULE}.expr", GONE),
    (PROMETHEUS_RULE, f"{RULE}.for", "5"),
    (PROMETHEUS_RULE, f"{RULE}.labels.a", 1),
    (PROMETHEUS_RULE, f"{RULE}.annotation", {}),
]

INSECURE: list[tuple[str, object]] = [
    (f"{SPEC}.hostNetwork", True),
    (f"{SPEC}.hostPID", True),
    (f"{SPEC}.volumes.0", {"name": "data", "hostPath": {"path": "/"}}),
    (f"{SPEC}.volumes.0", {"name": "data", "nfs": {"server": "a", "path": "/"}}),
    (f"{SPEC}.securityContext.runAsNonRoot", GONE),
    (f"{SPEC}.securityContext.runAsUser", 0),
    (f"{SPEC}.securityContext.seccompProfile", GONE),
    (f"{SPEC}.securityContext.seccompProfile.type", "Unconfined"),
    (f"{SPEC}.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    (f"{WORKER}.ports.0.hostPort", 80),
    (f"{WORKER}.readinessProbe.httpGet.host", "10.0.0.1"),
    (f"{WORKER}.securityContext.runAsNonRoot", False),
    (f"{WORKER}.securityContext.privileged", True),
    (f"{WORKER}.securityContext.allowPrivilegeEscalation", GONE),
    (f"{WORKER}.securityContext.capabilities.drop", []),
    (f"{WORKER}.securityContext.capabilities.add", ["SYS_PTRACE"]),
    (f"{WORKER}.securityContext.procMount", "Unmasked"),
    (f"{WORKER}.securityContext.appArmorProfile", {"type": "Unconfined"}),
    (f"{WORKER}.securityContext.seLinuxOptions", {"type": "spc_t"}),
    (f"{FIRST}.securityContext.allowPrivilegeEscalation", GONE),
]

CARELESS: list[tuple[str, object]] = [
    (f"{SPEC}.automountServiceAccountToken", GONE),
    (f"{WORKER}.securityContext.readOnlyRootFilesystem", GONE),
    (f"{WORKER}.resources", GONE),
    (f"{WORKER}.image", "storehand"),
    (f"{FIRST}.image", "storehand:latest"),
]


def _changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = changed
    for step in way:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return changed


def _names(rows: list[Any]) -> list[str]:
    return [f"{row[0]['kind']} {row[1]}" if isinstance(row[0], dict) else row[0] for row in rows]


@pytest.mark.parametrize("document", GOOD, ids=lambda document: str(document["kind"]))
@pytest.mark.parametrize("version", VERSIONS)
def test_a_correct_object_passes_in_every_version(document: dict[str, Any], version: str) -> None:
    assert problems(document, version) == []


@pytest.mark.parametrize(("document", "path", "value"), BROKEN, ids=_names(BROKEN))
def test_a_broken_object_is_refused(document: dict[str, Any], path: str, value: object) -> None:
    assert problems(_changed(document, path, value), VERSIONS[1])


def test_a_kind_that_a_version_does_not_know_is_no_object_without_faults() -> None:
    with pytest.raises(UnknownKind):
        problems({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}, VERSIONS[0])


def test_a_restricted_pod_passes() -> None:
    pod = pods([DEPLOYMENT])[0]

    assert violations(pod) == beyond(pod) == []


@pytest.mark.parametrize(("path", "value"), INSECURE, ids=_names(INSECURE))
def test_a_pod_that_is_not_restricted_is_found(path: str, value: object) -> None:
    assert violations(pods([_changed(DEPLOYMENT, path, value)])[0])


@pytest.mark.parametrize(("path", "value"), CARELESS, ids=_names(CARELESS))
def test_more_is_asked_of_our_pods_than_the_standard_does(path: str, value: object) -> None:
    assert len(beyond(pods([_changed(DEPLOYMENT, path, value)])[0])) == 1


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    read = {"1e+06": 1e6, "1:30": "1:30", "2020-01-01": "2020-01-01", "010": 8, "off": False, "~": None, ".5": 0.5}

    assert {word: strict_yaml.documents(f"a: {word}")[0]["a"] for word in read} == read


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: {b: 1, b: 2}", "a: [", "a: b: c"])
def test_broken_yaml_and_a_key_that_stands_twice_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        strict_yaml.documents(text)
