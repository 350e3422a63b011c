"""Series that are not ours: panels on them are empty where nobody exports them, and no test may expect more."""

from __future__ import annotations

from storehand_worker.operation.dashboards.promql import POOL_LABELS, series

FOREIGN = frozenset(
    {
        "ALERTS",
        "DCGM_FI_DEV_GPU_UTIL",
        "keda_scaler_detail_errors_total",
        "keda_scaler_empty_upstream_responses_total",
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas_ready",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
    }
)
"""Every series in our dashboards that is neither ours nor recorded by our rules."""

NEEDS_DEVICE = frozenset({"storehand_device_memory_bytes", "storehand_device_up"})
"""Ours, and only there where a worker has an accelerator."""

FROM_ANYWHERE = frozenset({"ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes"})
"""Foreign, but every worker or every Prometheus has them."""

OPTIONAL = (FOREIGN | NEEDS_DEVICE) - FROM_ANYWHERE
"""A panel on these may be empty."""


_PLAN = f"group by ({POOL_LABELS}) ({series('pool_slots')})"
_CHART = f'label_replace({_PLAN}, "chart", "storehand", "", "")'


def near_us(expression: str) -> str:
    """Only in the namespaces of the chosen pools."""
    return f"{_at_home(expression)} and on (namespace) {_PLAN}"


def of_pools(expression: str, label: str) -> str:
    """Only of the Deployments of the chosen pools, whose name is in `label`: `<release>-<pool>` or
    `<release>-storehand-<pool>` as the chart calls them, or what the pods of our workers are called after."""
    names = (
        f'label_join({_PLAN}, "{label}", "-", "release", "pool")',
        f'label_join({_CHART}, "{label}", "-", "release", "chart", "pool")',
        f'label_replace({series("slots")}, "{label}", "$1", "pod", "(.+)-.+-.+")',
    )
    return f"{_at_home(expression)} and on (namespace, {label}) ({' or '.join(names)})"


def _at_home(expression: str) -> str:
    """Scraped without honorLabels, the exporter's own label `namespace` steps aside."""
    return f'label_replace({expression}, "namespace", "$1", "exported_namespace", "(.+)")'
