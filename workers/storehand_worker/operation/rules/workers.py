"""Alerts on worker processes, their engines and devices."""

from __future__ import annotations

from storehand_worker.operation.rules.plan import COLD_START, away
from storehand_worker.operation.rules.promql import POOL, RELEASE, grown, pooled
from storehand_worker.operation.rules.rule import AT_WORKER, IN_POOL, Alert, Group

EACH = f"{POOL}, pod, instance"
_KILLED_WHILE_DRAINING = (
    "(max_over_time(storehand_draining[10m]) == 1 unless storehand_draining)"
    " and last_over_time(storehand_jobs_in_hand[10m]) > 0"
)
_GONE = 'storehand_rung_total{why="worker_gone"}'
_CRASHED = f"sum by ({RELEASE}) ({grown('storehand_crashes_total', '10m')} or {grown(_GONE, '10m')}) > 0"
"""Found by who claims them again, or by the reconciler before."""
_OURS = f"max by (namespace, pod, release, pool) ({pooled('last_over_time(storehand_slots[1h])')})"
_KILLED = (
    'kube_pod_container_status_last_terminated_reason{reason="OOMKilled"} == 1'
    " or kube_pod_container_status_last_terminated_exitcode == 137"
)
_RESTARTED = "increase(kube_pod_container_status_restarts_total[30m])"
_CONTAINER = "namespace, pod, container"

XIDS = (48, 63, 64, 74, 79, 94, 95, 119, 120)
"""NVIDIA's Xid messages that mean the device: memory that can't be corrected or remapped (48, 63, 64, 94, 95), NVLink
(74), fallen off the bus (79), its own processor (119, 120). 13, 31, 43 and 45 are a program's own faults."""
_XID = "DCGM_FI_DEV_XID_ERRORS"
_XID_NOW = " or ".join(f"{_XID} == {number}" for number in XIDS)
_XID_NEW = f"({_XID_NOW}) and (changes({_XID}[1h]) > 0 or ({_XID} unless last_over_time({_XID}[1h] offset 1h)))"
_AT_HOME = f'label_replace({_XID_NEW}, "namespace", "$1", "exported_namespace", "(.+)")'

_UPTIME = pooled("(time() - process_start_time_seconds) and on (job, instance) storehand_ready")
_STARTS = "changes(process_start_time_seconds[30m]) and on (job, instance) last_over_time(storehand_slots[30m])"
_SERVED = pooled("storehand_start_up_seconds")
_NOT_READY = "storehand_ready == 0 and storehand_draining == 0 and storehand_start_up_seconds > 0"


WORKERS = Group(
    "storehand-workers",
    (
        Alert(
            "StorehandModelLoadFailing",
            "ticket",
            f"max by ({EACH}) ({_UPTIME}\n    unless on (job, instance) {_SERVED} > 0)\n"
            f"  > on ({POOL}) group_left () 3 * {COLD_START}",
            "2m",
            f"{AT_WORKER}: not serving {{{{ $value | humanizeDuration }}}} after its start",
            f"{AT_WORKER}：启动 {{{{ $value | humanizeDuration }}}} 后仍未就绪",
            "A worker has loaded for three times the pool's cold start and still does not serve.",
            "Other workers serve; where none does, StorehandNoWorker pages.",
        ),
        Alert(
            "StorehandWorkerRestarts",
            "ticket",
            f"sum by ({EACH}) ({pooled(_STARTS)}) >= 3",
            "0m",
            f"{AT_WORKER}: started {{{{ $value }}}} times again within 30 minutes",
            f"{AT_WORKER}：30 分钟内重启 {{{{ $value }}}} 次",
            "A worker leaves again and again: a model that can't be loaded, memory, or a poison job.",
            "Other workers serve; where none does, StorehandNoWorker pages.",
            keep="15m",
        ),
        Alert(
            "StorehandWorkerNotReady",
            "ticket",
            f"max by ({EACH}) ({pooled(_NOT_READY)})\n"
            f"  unless on ({RELEASE}) {away('store')}\n  unless on ({RELEASE}) {away('broker')}",
            "10m",
            f"{AT_WORKER}: has served and is not ready any more",
            f"{AT_WORKER}：曾经就绪，现已不就绪",
            "Its /readyz says why: a dead engine, an event loop that stands still, a plugin that complains.",
            "Kubernetes restarts it when it is not alive either; where none is ready, StorehandNoWorker pages.",
        ),
        Alert(
            "StorehandWorkerDown",
            "ticket",
            f"max by ({EACH}) ({pooled('up == 0 and on (job, instance) last_over_time(storehand_slots[6h])')})",
            "10m",
            f"{AT_WORKER}: does not answer Prometheus",
            f"{AT_WORKER}：Prometheus 无法抓取",
            "A worker that was there and is still to be scraped does not answer.",
            "Its jobs went to others within the lease; where none is ready, StorehandNoWorker pages.",
        ),
        Alert(
            "StorehandDrainKilled",
            "ticket",
            f"count by ({POOL}) ({pooled(_KILLED_WHILE_DRAINING)})\n  and on ({RELEASE}) {_CRASHED}",
            "0m",
            f"{IN_POOL}: {{{{ $value }}}} draining workers were killed with jobs in hand",
            f"{IN_POOL}：{{{{ $value }}}} 个排空中的工作进程被强制终止，手中仍有任务",
            "A worker was killed before its drain was done, and its jobs were found with a dead worker. The"
            " grace period"
            " is shorter than `drain_s` and what surrounds it, or a node went away faster.",
            "The jobs ran again elsewhere; it costs time and GPU hours at each scale-in, not answers.",
            keep="30m",
        ),
        Alert(
            "StorehandWorkerKilled",
            "ticket",
            f"(max by ({_CONTAINER}) ({_KILLED}) and on ({_CONTAINER}) max by ({_CONTAINER}) ({_RESTARTED}) > 0)\n"
            f"  * on (namespace, pod) group_left (release, pool) {_OURS}",
            "0m",
            f"{IN_POOL} {{{{ $labels.pod }}}}: killed by the system (memory, or SIGKILL)",
            f"{IN_POOL} {{{{ $labels.pod }}}}：被系统强制终止（内存或 SIGKILL）",
            "kube-state-metrics says that the container was out of memory or ended with 137 within the last 30"
            " minutes.",
            "Its jobs went to others; happening again it pages as what callers feel.",
            keep="15m",
        ),
        Alert(
            "StorehandEngineDown",
            "ticket",
            f"max by ({EACH}, model) ({pooled('storehand_engine_up == 0')})",
            "2m",
            f"{AT_WORKER}: the engine of {{{{ $labels.model }}}} is dead",
            f"{AT_WORKER}：{{{{ $labels.model }}}} 引擎已停止",
            "The worker hands its jobs back and leaves; one that is still there after two minutes does not get out.",
            "Other workers serve; where none does, StorehandNoWorker pages.",
        ),
        Alert(
            "StorehandEngineRestarts",
            "ticket",
            f"sum by ({POOL}, model) ({pooled(grown('storehand_engine_restarts_total', '1h'))}) >= 3",
            "0m",
            f"{IN_POOL}: the engine of {{{{ $labels.model }}}} failed {{{{ $value | humanize }}}} times within an hour",
            f"{IN_POOL}：{{{{ $labels.model }}}} 引擎一小时内故障 {{{{ $value | humanize }}}} 次",
            "An engine's loop failed and went on; each time the calls in its batch were tried again.",
            "It heals itself; the reason is in the worker's log.",
            keep="15m",
        ),
        Alert(
            "StorehandOutOfMemory",
            "ticket",
            f"sum by ({POOL}, model) ({pooled(grown('storehand_oom_total', '30m'))}) > 10",
            "0m",
            f"{IN_POOL}: {{{{ $value | humanize }}}} batches of {{{{ $labels.model }}}} ran out of memory in 30"
            f" minutes",
            f"{IN_POOL}：{{{{ $labels.model }}}} 30 分钟内 {{{{ $value | humanize }}}} 个批次显存不足",
            "An engine learns from the first ones what fits; a stream of them means that somebody else uses"
            " the device.",
            "Batches are taken apart and answered; it costs throughput.",
            keep="15m",
        ),
        Alert(
            "StorehandGpuLost",
            "ticket",
            f"max by ({EACH}, device) ({pooled('storehand_device_up == 0')})\n"
            f"  or max by (namespace, Hostname, gpu, UUID) ({_AT_HOME}\n"
            "    and on (namespace) group by (namespace) (storehand_slots))",
            "2m",
            f"{IN_POOL} {{{{ $labels.pod }}}}{{{{ $labels.Hostname }}}}: a GPU is lost or broken"
            " ({{ $labels.device }}{{ $labels.gpu }})",
            f"{IN_POOL} {{{{ $labels.pod }}}}{{{{ $labels.Hostname }}}}：GPU 丢失或故障"
            "（{{ $labels.device }}{{ $labels.gpu }}）",
            "A worker's device does not answer, or DCGM reported an Xid that means the device itself within an hour.",
            "The pool lives on with one device less until somebody drains the node; lateness pages by itself.",
            keep="15m",
        ),
    ),
)
