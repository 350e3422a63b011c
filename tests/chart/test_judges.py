"""The judges bite: what an API server or an admission controller refuses is found, and what it takes is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.chart import strict_yaml
from tests.chart.kubernetes import VERSIONS, UnknownKind, problems
from tests.chart.pod_security import beyond, violations
from tests.chart.pods import Pod, pods

Break = Callable[[dict[str, Any]], Any]


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
                "initContainers": [{"name": "first", "image": "storehand:1", "securityContext": _secured_context()}],
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


def _pod_spec(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document)["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def _group(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document)["spec"]["groups"][0]  # type: ignore[no-any-return]


BROKEN: list[tuple[str, dict[str, Any], Break]] = [
    ("a typo", DEPLOYMENT, lambda it: it["spec"].update(replica=1)),
    ("a typo deep inside", DEPLOYMENT, lambda it: _pod_spec(it)["containers"][0].update(port=[])),
    ("a word for a number", DEPLOYMENT, lambda it: it["spec"].update(replicas="two")),
    ("no selector", DEPLOYMENT, lambda it: it["spec"].pop("selector")),
    ("a number as a label", DEPLOYMENT, lambda it: it["metadata"]["labels"].update(a=1)),
    ("a number as an environment value", DEPLOYMENT, lambda it: _pod_spec(it)["containers"][0].update(env=[{"name": "A", "value": 1}])),
    ("a typo", SCALED_OBJECT, lambda it: it["spec"].update(pollInterval=5)),
    ("a word for a number", SCALED_OBJECT, lambda it: it["spec"].update(maxReplicaCount="4")),
    ("a number in a trigger", SCALED_OBJECT, lambda it: it["spec"]["triggers"][0]["metadata"].update(threshold=1)),
    ("no target", SCALED_OBJECT, lambda it: it["spec"].pop("scaleTargetRef")),
    ("no triggers", SCALED_OBJECT, lambda it: it["spec"].pop("triggers")),
    ("an unknown behaviour", SCALED_OBJECT, lambda it: it["spec"]["fallback"].update(behavior="keep")),
    ("a fallback without replicas", SCALED_OBJECT, lambda it: it["spec"]["fallback"].pop("replicas")),
    ("a typo in a type of Kubernetes", SCALED_OBJECT, lambda it: it["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"].update(window=1)),
    ("a typo in the formula's place", SCALED_OBJECT, lambda it: it["spec"]["advanced"]["scalingModifiers"].update(formulae="1")),
    ("half a replica", SCALED_OBJECT, lambda it: it["spec"].update(minReplicaCount=0.5)),
    ("a number beyond 32 bits", SCALED_OBJECT, lambda it: it["spec"].update(cooldownPeriod=2**31)),
    ("a typo in the metadata", SCALED_OBJECT, lambda it: it["metadata"].update(label={})),
    ("a typo", TRIGGER_AUTHENTICATION, lambda it: it["spec"].update(secretRef=[])),
    ("no list", TRIGGER_AUTHENTICATION, lambda it: it["spec"].update(secretTargetRef={})),
    ("no key", TRIGGER_AUTHENTICATION, lambda it: it["spec"]["secretTargetRef"][0].pop("key")),
    ("no spec", TRIGGER_AUTHENTICATION, lambda it: it.pop("spec")),
    ("a typo", POD_MONITOR, lambda it: it["spec"].update(endpoints=[])),
    ("no selector", POD_MONITOR, lambda it: it["spec"].pop("selector")),
    ("a pause without a unit", POD_MONITOR, lambda it: it["spec"]["podMetricsEndpoints"][0].update(interval="15")),
    ("an unknown action", POD_MONITOR, lambda it: it["spec"]["podMetricsEndpoints"][0]["relabelings"][0].update(action="rename")),
    ("a word for a list", POD_MONITOR, lambda it: it["spec"]["podMetricsEndpoints"][0]["relabelings"][0].update(sourceLabels="a")),
    ("a typo in the selector", POD_MONITOR, lambda it: it["spec"]["selector"].update(labels={})),
    ("a typo", PROMETHEUS_RULE, lambda it: it["spec"].update(group=[])),
    ("a rule without an expression", PROMETHEUS_RULE, lambda it: _group(it)["rules"][0].pop("expr")),
    ("a group without a name", PROMETHEUS_RULE, lambda it: _group(it).pop("name")),
    ("a wait without a unit", PROMETHEUS_RULE, lambda it: _group(it)["rules"][1].update({"for": "5"})),
    ("a number as a label", PROMETHEUS_RULE, lambda it: _group(it)["rules"][0]["labels"].update(a=1)),
    ("a typo in a rule", PROMETHEUS_RULE, lambda it: _group(it)["rules"][1].update(annotation={})),
]  # fmt: skip


@pytest.mark.parametrize("document", GOOD, ids=lambda document: str(document["kind"]))
@pytest.mark.parametrize("version", VERSIONS)
def test_a_correct_object_passes_in_every_version(document: dict[str, Any], version: str) -> None:
    assert problems(document, version) == []


@pytest.mark.parametrize(("what", "document", "break_it"), BROKEN, ids=[f"{d['kind']}: {w}" for w, d, _ in BROKEN])
def test_a_broken_object_is_refused(what: str, document: dict[str, Any], break_it: Break) -> None:
    broken = copy.deepcopy(document)
    break_it(broken)

    assert problems(broken, VERSIONS[1]), what


def test_a_kind_that_a_version_does_not_know_is_no_object_without_faults() -> None:
    with pytest.raises(UnknownKind):
        problems({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}, VERSIONS[0])


def _secured() -> Pod:
    return pods([copy.deepcopy(DEPLOYMENT)])[0]


INSECURE: list[tuple[str, Break]] = [
    ("host network", lambda spec: spec.update(hostNetwork=True)),
    ("host processes", lambda spec: spec.update(hostPID=True)),
    ("host folder", lambda spec: spec["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
    ("network folder", lambda spec: spec["volumes"].append({"name": "n", "nfs": {"server": "a", "path": "/"}})),
    ("root allowed", lambda spec: spec["securityContext"].pop("runAsNonRoot")),
    ("root by number", lambda spec: spec["securityContext"].update(runAsUser=0)),
    ("no seccomp", lambda spec: spec["securityContext"].pop("seccompProfile")),
    ("unconfined", lambda spec: spec["securityContext"]["seccompProfile"].update(type="Unconfined")),
    ("sysctl", lambda spec: spec["securityContext"].update(sysctls=[{"name": "kernel.msgmax", "value": "1"}])),
    ("root in one container", lambda spec: spec["containers"][0]["securityContext"].update(runAsNonRoot=False)),
    ("privileged", lambda spec: spec["containers"][0]["securityContext"].update(privileged=True)),
    ("escalation", lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation")),
    ("escalation before the start", lambda spec: spec["initContainers"][0]["securityContext"].pop("allowPrivilegeEscalation")),
    ("capabilities kept", lambda spec: spec["containers"][0]["securityContext"].update(capabilities={})),
    ("capabilities added", lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(add=["SYS_PTRACE"])),
    ("host port", lambda spec: spec["containers"][0]["ports"][0].update(hostPort=80)),
    ("proc", lambda spec: spec["containers"][0]["securityContext"].update(procMount="Unmasked")),
    ("AppArmor", lambda spec: spec["containers"][0]["securityContext"].update(appArmorProfile={"type": "Unconfined"})),
    ("SELinux", lambda spec: spec["containers"][0]["securityContext"].update(seLinuxOptions={"type": "spc_t"})),
    ("a probe elsewhere", lambda spec: spec["containers"][0]["readinessProbe"]["httpGet"].update(host="10.0.0.1")),
]  # fmt: skip


def test_a_restricted_pod_passes() -> None:
    assert violations(_secured()) == []


@pytest.mark.parametrize(("what", "weaken"), INSECURE, ids=[what for what, _ in INSECURE])
def test_a_pod_that_is_not_restricted_is_found(what: str, weaken: Break) -> None:
    pod = _secured()
    weaken(pod.spec)

    assert violations(pod), what


def test_more_is_asked_of_our_pods_than_the_standard_does() -> None:
    pod = _secured()
    container = pod.spec["containers"][0]
    container["securityContext"].pop("readOnlyRootFilesystem")
    container.pop("resources")
    container["image"] = "storehand"
    pod.spec.pop("automountServiceAccountToken")

    assert len([each for each in beyond(pod) if "container first" not in each]) == 4


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    text = "a: 1e+06\nb: 1:30\nc: 2020-01-01\nd: 010\ne: off\nf: ~\ng: .5\nh: '1'\ni: =\nj:"
    found = strict_yaml.documents(text)[0]

    assert found == {"a": 1e6, "b": "1:30", "c": "2020-01-01", "d": 8, "e": False, "f": None, "g": 0.5, "h": "1", "i": "=", "j": None}  # fmt: skip


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: {b: 1, b: 2}", "a: [", "a: b: c"])
def test_broken_yaml_and_a_key_that_stands_twice_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        strict_yaml.documents(text)
