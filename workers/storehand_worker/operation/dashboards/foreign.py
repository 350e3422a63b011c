"""Series that are not ours: panels on them are empty where nobody exports them, and no test may expect more."""

from __future__ import annotations

from storehand_worker.operation.dashboards.promql import of

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


def foreign(name: str, *matchers: str, by: str) -> str:
    return f"sum by ({by}) ({of(name, *matchers)})"
