"""What pods and scalers refer to is rendered beside them or named in the values; no secret stands in plain text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chart.pods import Pod, pods
from tests.chart.render import Document

Reference = tuple[str, str, str | None]
"""Kind, name, and a key in it where one is asked for."""

OURS_TO_NAME = {
    "authenticationRef", "dataClaim", "existingClaim", "existingSecret", "imagePullSecrets", "name",
    "priorityClassName",
}  # fmt: skip
"""Keys of the values under which stands what a user has made."""


def dangling(documents: list[Document], values: Mapping[str, Any]) -> list[str]:
    """Objects that nobody makes, and keys that an object of ours does not have."""
    made = {(each["kind"], each["metadata"]["name"]): _keys(each) for each in documents}
    theirs = set(_named(values, is_name=False))
    found = []
    for who, (kind, name, key) in _all(documents):
        if (kind, name) in made:
            if key is not None and key not in made[kind, name]:
                found.append(f"{who}: {kind} {name} has no key {key}")
        elif name not in theirs:
            found.append(f"{who}: nobody makes the {kind} {name}")
    return found


def leaks(documents: list[Document], secrets: list[str]) -> list[str]:
    """Where one of these texts stands outside of a Secret, as it is or in base64."""
    found = []
    for document in documents:
        text = json.dumps(document, ensure_ascii=False)
        if document["kind"] != "Secret":
            found += [
                f"{document['kind']}/{document['metadata']['name']} shows a secret"
                for secret in secrets
                if secret in text or base64.b64encode(secret.encode()).decode() in text
            ]
    return found


def _all(documents: list[Document]) -> Iterator[tuple[str, Reference]]:
    for pod in pods(documents):
        yield from ((pod.name, each) for each in _of_pod(pod))
    for document in documents:
        who = f"{document['kind']}/{document['metadata']['name']}"
        if document["kind"] == "TriggerAuthentication":
            for each in document["spec"].get("secretTargetRef") or []:
                yield who, ("Secret", each["name"], each["key"])
        if document["kind"] == "ScaledObject":
            for trigger in document["spec"]["triggers"]:
                if "authenticationRef" in trigger:
                    yield who, ("TriggerAuthentication", trigger["authenticationRef"]["name"], None)


def _of_pod(pod: Pod) -> Iterator[Reference]:
    if pod.spec.get("serviceAccountName", "default") != "default":
        yield "ServiceAccount", pod.spec["serviceAccountName"], None
    if pod.spec.get("priorityClassName"):
        yield "PriorityClass", pod.spec["priorityClassName"], None
    yield from (("Secret", each["name"], None) for each in pod.spec.get("imagePullSecrets") or [])
    for volume in pod.spec.get("volumes") or []:
        yield from _of_volume(volume)
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _of_volume(source)
    for container in pod.containers:
        for source in container.get("envFrom") or []:
            kind = "ConfigMap" if "configMapRef" in source else "Secret"
            yield kind, (source.get("configMapRef") or source["secretRef"])["name"], None
        for each in container.get("env") or []:
            origin = each.get("valueFrom") or {}
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if field in origin:
                    yield kind, origin[field]["name"], origin[field]["key"]


def _of_volume(volume: Mapping[str, Any]) -> Iterator[Reference]:
    if "persistentVolumeClaim" in volume:
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        if field in volume:
            name = volume[field].get("name") or volume[field]["secretName"]
            yield from ((kind, name, item["key"]) for item in volume[field].get("items") or [])
            yield kind, name, None


def _keys(document: Document) -> set[str]:
    return {*(document.get("data") or {}), *(document.get("stringData") or {})}


def _named(value: Any, *, is_name: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _named(each, is_name=key in OURS_TO_NAME)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each, is_name=is_name)
    elif is_name and isinstance(value, str) and value:
        yield value
