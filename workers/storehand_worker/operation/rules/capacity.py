"""Alerts on the autoscaler: blind, at its bound, not followed."""

from __future__ import annotations

from storehand_worker.operation.rules.plan import MAX_WORKERS, MIN_WORKERS, NO_EXPORTER, SLOTS, away
from storehand_worker.operation.rules.promql import POOL, RELEASE
from storehand_worker.operation.rules.rule import IN_POOL, Alert, Group

_REQUIRED = "pool:storehand_required_workers:sum"
_READY = "pool:storehand_ready_workers:sum"
_WORK = "pool:storehand_work_waiting_seconds:sum"

_ONCE_PLANNED = f"max by ({POOL}) (last_over_time(storehand_pool_slots[3d]))"
_KEDA = " or ".join(
    f"rate({counter}[5m]) > 0"
    for counter in ("keda_scaler_detail_errors_total", "keda_scaler_empty_upstream_responses_total")
)
_KEDA_AT_HOME = f'label_replace({_KEDA}, "namespace", "$1", "exported_namespace", "(.+)")'
"""Scraped without honorLabels, KEDA's own label steps aside."""

TOLERATED = 1.1
"""What the HPA lets pass: it changes nothing within 10 % of its target."""

CAPACITY = Group(
    "storehand-capacity",
    (
        Alert(
            "StorehandScalerBlind",
            "page",
            f"({SLOTS}\n  or {_ONCE_PLANNED} and on ({RELEASE}) ({NO_EXPORTER}))\n"
            f"  unless on ({POOL}) {_REQUIRED} >= 0\n  unless on ({RELEASE}) {away('store')}",
            "10m",
            f"{IN_POOL}: nothing says how many workers it needs",
            f"{IN_POOL}：无法得知所需的工作进程数",
            "The series that the autoscaler follows is absent or no number. It stands on its fallback, and the"
            " alerts on"
            " waiting jobs see nothing either. An unreachable store is told by its own alert.",
            "Whatever happens next, neither autoscaler nor alerts will notice.",
        ),
        Alert(
            "StorehandScalerErrors",
            "ticket",
            f"sum by (namespace, scaledObject) ({_KEDA_AT_HOME})\n"
            "  and on (namespace) group by (namespace) (last_over_time(storehand_exporter_up[1h]))",
            "10m",
            "{{ $labels.namespace }} {{ $labels.scaledObject }}: KEDA's triggers fail or answer nothing",
            "{{ $labels.namespace }} {{ $labels.scaledObject }}：KEDA 触发器出错或无返回",
            "KEDA counts errors or empty answers of a trigger; it scales by the others, if it could make them.",
            "The fallback keeps the workers that are there; a pool that falls behind pages by itself.",
            keep="10m",
        ),
        Alert(
            "StorehandMaxedOut",
            "ticket",
            f"{_REQUIRED} > on ({POOL}) {MAX_WORKERS}\n  and on ({POOL}) {_WORK} > on ({POOL}) {_WORK} offset 10m",
            "10m",
            f"{IN_POOL}: needs {{{{ $value | humanize }}}} workers, more than it may have, and the backlog grows",
            f"{IN_POOL}：需要 {{{{ $value | humanize }}}} 个工作进程，已超上限，积压仍在增长",
            "The autoscaler has done what it may. Raise `max`, or find out why so much comes.",
            "Whether callers are hurt by it the error budget says, and pages.",
            keep="10m",
        ),
        Alert(
            "StorehandWorkersMissing",
            "ticket",
            f"({_READY} < on ({POOL}) ceil({_REQUIRED} / {TOLERATED} - 1e-9)\n"
            f"    and on ({POOL}) {_READY} < on ({POOL}) {MAX_WORKERS})\n"
            f"  or {_READY} < on ({POOL}) {MIN_WORKERS}",
            "20m",
            f"{IN_POOL}: only {{{{ $value }}}} workers are ready, fewer than it needs and may have",
            f"{IN_POOL}：仅 {{{{ $value }}}} 个工作进程就绪，少于所需",
            "For 20 minutes, and by more than the tenth that autoscalers let pass: pods wait for a node or a GPU, do"
            " not become ready, or no autoscaler is at work.",
            "Whether callers are hurt by it the error budget says, and pages.",
        ),
    ),
)
