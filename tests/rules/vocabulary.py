"""Which series there are, with their labels; and which ones a text or an expression names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql

from storehand_worker.exporter import series
from storehand_worker.operation.dashboards.foreign import FOREIGN as ON_DASHBOARDS
from storehand_worker.operation.rules import RECORDS

ROOT = Path(__file__).parents[2]

TARGET = frozenset({"namespace", "release", "pool", "pod", "instance", "job", "container"})
"""Labels that Prometheus itself puts on a series, from where it was scraped."""

_KUBE = frozenset({"namespace", "pod", "container", "reason", "deployment"})
_KEDA = frozenset({"exported_namespace", "scaledObject", "scaler", "metric", "triggerIndex", "type"})
_DCGM = frozenset({"exported_namespace", "exported_pod", "Hostname", "gpu", "UUID", "device", "modelName"})
_VOLUME = frozenset({"persistentvolumeclaim"})

FOREIGN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(ON_DASHBOARDS, _KUBE | _KEDA | _DCGM),
    "up": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
    "process_start_time_seconds": frozenset(),
    "keda_scaler_detail_errors_total": _KEDA,
    "keda_scaler_empty_upstream_responses_total": _KEDA,
    "kube_pod_container_status_last_terminated_exitcode": _KUBE,
    "kube_pod_container_status_last_terminated_reason": _KUBE,
    "kube_pod_container_status_restarts_total": _KUBE,
    "DCGM_FI_DEV_XID_ERRORS": _DCGM,
    "kubelet_volume_stats_available_bytes": _VOLUME,
    "kubelet_volume_stats_capacity_bytes": _VOLUME,
}
"""Not ours, and their labels; an alert on them keeps still where nobody makes them."""

_LEVELS = {
    "pool": frozenset[str](),
    "priority": frozenset({"priority", "verdict"}),
    "task": frozenset({"task", "priority", "verdict", "outcome"}),
}
_PARTS = ("_bucket", "_sum", "_count")


@cache
def known() -> dict[str, frozenset[str]]:
    """Series -> labels. The worker's are those of docs/metrics.md, which a unit test holds against its registry."""
    return {**_workers(), **_exporters(), **_recorded(), **FOREIGN}


def _workers() -> dict[str, frozenset[str]]:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    found: dict[str, frozenset[str]] = {}
    for name, kind, labels in re.findall(r"^\| `(storehand\w*)` \| (\w+) \| ([^|]*)\|", page, re.MULTILINE):
        own = frozenset(re.findall(r"`(\w+)`", labels))
        for part in _PARTS if kind == "histogram" else ("",):
            found[name + part] = own | {"le"} if part == "_bucket" else own
    return found


def _exporters() -> dict[str, frozenset[str]]:
    return {each.full_name: frozenset(each.labels) for each in series.ALL}


def _recorded() -> dict[str, frozenset[str]]:
    return {record.name: _LEVELS[record.name.partition(":")[0]] for record in RECORDS}


def unknown(expression: str) -> list[str]:
    """What is wrong with its names, in words; ValueError where it is no PromQL."""
    vocabulary, wrong = known(), list[str]()
    labels: set[str] = set(TARGET) | {"le"}
    parsed = promql.parse(expression)
    for selector in _nodes(parsed, promql.VectorSelector):
        own = vocabulary.get(selector.name or "", None)
        if own is None:
            wrong.append(f"nobody makes {selector.name}")
            continue
        labels |= own
        asked = {matcher.name for matcher in selector.matchers.matchers} - {"__name__"}
        wrong += [f"{selector.name} has no label {label}" for label in sorted(asked - own - TARGET)]
    for aggregate in _nodes(parsed, promql.AggregateExpr):
        if aggregate.modifier is not None:
            wrong += [
                f"no series here has the label {label}" for label in aggregate.modifier.labels if label not in labels
            ]
    return wrong


def _nodes(node: Any, kind: type) -> Iterator[Any]:
    if isinstance(node, kind):
        yield node
    for part in ("expr", "lhs", "rhs", "param", "vector_selector"):
        below = getattr(node, part, None)
        if isinstance(below, promql.Expr) or (part == "vector_selector" and below is not None):
            yield from _nodes(below, kind)
    for argument in getattr(node, "args", None) or ():
        yield from _nodes(argument, kind)


_NAMED = re.compile(r"(?<![\w./-])((?:[a-z]+:)?storehand_[a-z0-9_]+(?::[a-z0-9_{},]+)?)(?!\w|\.\w|\*)")
_PACKAGES = frozenset({"storehand_worker", "storehand_plugins"})


def named(text: str) -> set[str]:
    """Series of ours in prose, YAML or code; `{5m,1h}` stands for one of each, a histogram's name for its parts."""
    found: set[str] = set()
    for name in (each.rstrip(",") for each in _NAMED.findall(text)):
        stem, brace, inside = name.partition("{")
        if brace and re.fullmatch(r"[a-z0-9,]+}", inside):
            found |= {stem + each for each in inside[:-1].split(",")}
        else:
            found.add(stem)
    return {_first_part(name) for name in found - _PACKAGES}


def _first_part(name: str) -> str:
    return name + _PARTS[0] if name + _PARTS[0] in known() else name
