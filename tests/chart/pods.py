"""Where pods hide in the rendered objects, and what their containers are told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.chart.render import Document


@dataclass(frozen=True)
class Pod:
    """A pod or the template of one."""

    owner: Document
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All of them: those that run before the others and those that are added for debugging too."""
        return [each for kind in CONTAINERS for each in self.spec.get(kind) or []]

    @property
    def main(self) -> dict[str, Any]:
        return dict(self.spec["containers"][0])

    @property
    def component(self) -> str:
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def pool(self) -> str | None:
        """The pool whose workers these are."""
        return self.labels.get("storehand.io/pool") if self.component == "worker" else None


CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def pods(documents: Iterable[Document]) -> list[Pod]:
    return [pod for document in documents for pod in _of(document)]


def _of(document: Document) -> Iterator[Pod]:
    spec = document.get("spec") or {}
    if document["kind"] == "Pod":
        yield _pod(document, document)
    elif document["kind"] == "CronJob":
        yield _pod(document, spec["jobTemplate"]["spec"]["template"])
    elif "template" in spec:
        yield _pod(document, spec["template"])


def _pod(owner: Document, template: Document) -> Pod:
    metadata = template.get("metadata") or {}
    return Pod(owner, metadata.get("labels") or {}, metadata.get("annotations") or {}, template["spec"])


def env(container: dict[str, Any], documents: Iterable[Document] = ()) -> dict[str, str]:
    """What the container's environment says in plain text; ConfigMaps are looked up in `documents`."""
    maps = {each["metadata"]["name"]: each.get("data") or {} for each in documents if each["kind"] == "ConfigMap"}
    said: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        if "configMapRef" in source:
            said |= maps.get(source["configMapRef"]["name"], {})
    for each in container.get("env") or []:
        if "valueFrom" not in each:
            said[each["name"]] = each.get("value") or ""
        elif reference := each["valueFrom"].get("configMapKeyRef"):
            said[each["name"]] = maps.get(reference["name"], {}).get(reference["key"], "")
    return said
