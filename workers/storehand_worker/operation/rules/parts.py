"""Alerts on what all pools need: store, broker, reconciler, exporter, disk."""

from __future__ import annotations

from storehand_worker.operation.rules.plan import LOST_EXPORTER, away, steadily_away
from storehand_worker.operation.rules.promql import RELEASE, told
from storehand_worker.operation.rules.rule import IN_RELEASE, Alert, Group

_NOT_LED = f"{told('storehand_reconciler_up', RELEASE)} == 0"
_VOLUME = "namespace, persistentvolumeclaim"
_FREE = (
    f"min by ({_VOLUME}) (kubelet_volume_stats_available_bytes)"
    f" / on ({_VOLUME}) min by ({_VOLUME}) (kubelet_volume_stats_capacity_bytes)"
)
_FILLS = "predict_linear(kubelet_volume_stats_available_bytes[6h], 4 * 86400) < 0"
_FILLING = f"{_FREE} < 0.15\n  and on ({_VOLUME}) min by ({_VOLUME}) ({_FILLS})\n  or {_FREE} < 0.03"
"""A model cache of the right size is nearly full for ever."""

PARTS = Group(
    "storehand-parts",
    (
        Alert(
            "StorehandStoreUnreachable",
            "page",
            away("store"),
            "2m",
            f"{IN_RELEASE}: the job store can't be reached",
            f"{IN_RELEASE}：无法访问任务存储",
            "Neither submit nor claim nor finish works without it. Two minutes are more than a failover takes.",
            "A full outage: no job is accepted, none begins, none ends.",
        ),
        Alert(
            "StorehandBrokerUnreachable",
            "page",
            f"{away('broker')}\n  unless on ({RELEASE}) {steadily_away('store')}",
            "5m",
            f"{IN_RELEASE}: the broker can't be reached",
            f"{IN_RELEASE}：无法访问消息代理",
            "Jobs are accepted and safe in the store, but no message wakes a worker. Where broker and store are one"
            " server, only StorehandStoreUnreachable pages.",
            "Nothing new begins until it is back.",
        ),
        Alert(
            "StorehandReconcilerAbsent",
            "page",
            f"{_NOT_LED}\n  and on ({RELEASE}) sum by ({RELEASE}) (storehand_ready) > 0",
            "10m",
            f"{IN_RELEASE}: nobody reconciles",
            f"{IN_RELEASE}：没有进程执行对账",
            "Workers are ready, but none of them holds the lead: jobs to be tried again or later, and jobs whose worker"
            " died or whose message was lost, stay where they are.",
            "Every retry and every scheduled job stands still, without one of them counting as late.",
        ),
        Alert(
            "StorehandJobsUnrung",
            "ticket",
            f"{told('storehand_unrung_jobs', RELEASE)} > 0",
            "15m",
            f"{IN_RELEASE}: {{{{ $value }}}} jobs need a message and have none",
            f"{IN_RELEASE}：{{{{ $value }}}} 个任务缺少消息",
            "The reconciler rings for such jobs within seconds; it does not, or can't publish.",
            "Where they are many, the oldest age pages.",
        ),
        Alert(
            "StorehandExporterDown",
            "ticket",
            f"{LOST_EXPORTER}\n  or absent(storehand_exporter_up) unless on () ({LOST_EXPORTER})",
            "5m",
            f"{IN_RELEASE}: the exporter does not answer",
            f"{IN_RELEASE}：导出器无响应",
            "It knows how many jobs wait and how many workers they need.",
            "Workers go on; when the autoscaler has been without it for ten minutes, StorehandScalerBlind pages.",
        ),
        Alert(
            "StorehandVolumeFilling",
            "ticket",
            f"({_FILLING})\n  and on (namespace) group by (namespace) (last_over_time(storehand_exporter_up[1h]))",
            "15m",
            "{{ $labels.namespace }} {{ $labels.persistentvolumeclaim }}: {{ $value | humanizePercentage }} of"
            " it is free",
            "{{ $labels.namespace }} {{ $labels.persistentvolumeclaim }}：剩余空间 {{ $value | humanizePercentage }}",
            "A volume in a namespace where Storehand runs, as that of the embedded store or of the model cache: under"
            " 15 % and full within four days at this pace, or under 3 %.",
            "It is told before it is full; a full store pages as unreachable.",
        ),
    ),
)
