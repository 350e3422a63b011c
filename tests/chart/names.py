"""Names, labels and selectors: valid, alone of their kind, and meaning the pods they are meant for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.chart.pods import Pod, pods
from tests.chart.render import Document

DNS = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
PORT = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
WORD = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
KEY = re.compile(r"([a-z0-9.-]{1,253}/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
QUANTITY = re.compile(r"[+-]?\d+(\.\d*)?([KMGTPE]i|[munkMGTPE]|[eE][+-]?\d+)?")
LONGEST = 63
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def wrong_names(documents: list[Document]) -> list[str]:
    """Names that an API server refuses, and objects that would overwrite each other."""
    found = [each for document in documents for each in _of_object(document)]
    found += [f"{pod.name}: {each}" for pod in pods(documents) for each in _of_pod(pod)]
    seen = Counter((each["kind"], _namespace(each), each["metadata"]["name"]) for each in documents)
    return found + [f"{kind}/{name} is there {count} times" for (kind, _, name), count in seen.items() if count > 1]


def wrong_selectors(documents: list[Document]) -> list[str]:
    """Whoever selects pods selects those that are meant: a workload its own and no other's, a budget a pool's."""
    templates = pods(documents)
    found = []
    for document in documents:
        wanted = _selector(document)
        if wanted is None:
            continue
        name = f"{document['kind']}/{document['metadata']['name']}"
        chosen = [pod for pod in templates if wanted.items() <= pod.labels.items()]
        if not chosen:
            found.append(f"{name} selects no pod")
        if document["kind"] == "Deployment" and [pod.owner for pod in chosen] != [document]:
            found.append(f"{name} selects the pods of {[pod.name for pod in chosen]}")
        if document["kind"] == "PodDisruptionBudget" and len(chosen) != 1:
            found.append(f"{name} counts the pods of {[pod.name for pod in chosen]}")
    return [*found, *_wrong_targets(documents), *_wrong_ports(documents)]


def _of_object(document: Document) -> Iterator[str]:
    metadata = document["metadata"]
    name = f"{document['kind']}/{metadata['name']}"
    if len(metadata["name"]) > LONGEST or not DNS.fullmatch(metadata["name"]):
        yield f"{name}: the name is too long or no DNS label"
    yield from (f"{name}: {each}" for each in _of_labels(metadata.get("labels") or {}))
    for key, value in (metadata.get("annotations") or {}).items():
        if not KEY.fullmatch(key) or not isinstance(value, str):
            yield f"{name}: the annotation {key}: {value!r}"
    if document["kind"] in ("ConfigMap", "Secret"):
        yield from (
            f"{name}: the key {key}" for key in document.get("data") or {} if not re.fullmatch(r"[-._\w]+", key)
        )
    if document["kind"] == "ConfigMap" and len(str(document.get("data"))) > 2**20:
        yield f"{name}: over 1 MiB"


def _of_labels(labels: dict[str, Any]) -> Iterator[str]:
    for key, value in labels.items():
        if not KEY.fullmatch(key) or not isinstance(value, str) or not (value == "" or WORD.fullmatch(value)):
            yield f"the label {key}: {value!r}"


def _of_pod(pod: Pod) -> Iterator[str]:
    yield from _of_labels(pod.labels)
    volumes = [volume["name"] for volume in pod.spec.get("volumes") or []]
    everything = [("container", [each["name"] for each in pod.containers]), ("volume", volumes)]
    for container in pod.containers:
        mounts = container.get("volumeMounts") or []
        everything += [
            (f"variable of {container['name']}", [each["name"] for each in container.get("env") or []]),
            (f"mount of {container['name']}", [each["mountPath"] for each in mounts]),
        ]
        for port in container.get("ports") or []:
            if not PORT.fullmatch(port.get("name", "x")):
                yield f"the port's name {port['name']}"
        yield from (f"mounts {each['name']}, which is no volume" for each in mounts if each["name"] not in volumes)
        yield from _of_resources(container.get("resources") or {})
    for what, names in everything:
        yield from (f"the {what} {name} is there twice" for name, count in Counter(names).items() if count > 1)
        if what in ("container", "volume"):
            yield from (f"the {what}'s name {name}" for name in names if not DNS.fullmatch(name) or len(name) > LONGEST)


def _of_resources(resources: dict[str, Any]) -> Iterator[str]:
    for kind, amounts in resources.items():
        if kind == "claims":
            continue
        for name, amount in amounts.items():
            if not QUANTITY.fullmatch(str(amount)):
                yield f"{kind} {name}: {amount!r} is no amount"
            if "/" in name and kind == "requests" and amounts[name] != (resources.get("limits") or {}).get(name):
                yield f"{name}: a device's request is its limit"


def _selector(document: Document) -> dict[str, str] | None:
    spec = document.get("spec") or {}
    if document["kind"] == "Service":
        return dict(spec["selector"])
    if document["kind"] == "NetworkPolicy":
        return dict(spec["podSelector"].get("matchLabels") or {})
    return dict(spec["selector"]["matchLabels"]) if "selector" in spec else None


def _wrong_targets(documents: list[Document]) -> Iterator[str]:
    """A scaler's Deployment exists, says no number of its own, and has no second scaler."""
    deployments = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Deployment"}
    scaled = [each["spec"]["scaleTargetRef"]["name"] for each in documents if each["kind"] in SCALERS]
    for name in scaled:
        if name not in deployments:
            yield f"a scaler scales {name}, which is not there"
        elif "replicas" in deployments[name]["spec"]:
            yield f"{name} has replicas and a scaler"
    yield from (f"{name} has {count} scalers" for name, count in Counter(scaled).items() if count > 1)


def _wrong_ports(documents: list[Document]) -> Iterator[str]:
    """Ports that are asked for by name: of services, monitors and probes."""
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        chosen = [pod for pod in pods(documents) if (_selector(document) or {"": ""}).items() <= pod.labels.items()]
        if document["kind"] == "Service":
            wanted = {port["targetPort"] for port in document["spec"]["ports"]}
        elif document["kind"] == "PodMonitor":
            wanted = {endpoint["port"] for endpoint in document["spec"]["podMetricsEndpoints"]}
        else:
            continue
        yield from (
            f"{name}: {pod.name} has no port {each}" for pod in chosen for each in wanted - _ports(pod.containers)
        )
    for pod in pods(documents):
        for container in pod.containers:
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = ((container.get(kind) or {}).get("httpGet") or {}).get("port")
                if port is not None and port not in _ports([container]):
                    yield f"{pod.name}: the {kind} asks the port {port}"


def _ports(containers: Iterable[dict[str, Any]]) -> set[Any]:
    return {port.get("name") for each in containers for port in each.get("ports") or []}


def _namespace(document: Document) -> str:
    return str(document["metadata"].get("namespace", ""))
