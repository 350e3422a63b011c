"""The lower half of the overview: is there room, how many workers there should be, and what all stand on."""

from __future__ import annotations

from storehand_worker.operation.dashboards.foreign import near_us, of_pools
from storehand_worker.operation.dashboards.page import Row
from storehand_worker.operation.dashboards.panels import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Query,
    bars,
    lines,
    numbers,
    states,
    table,
)
from storehand_worker.operation.dashboards.promql import (
    POOL,
    POOL_LABELS,
    highest,
    mean,
    of,
    rate,
    ratio,
    recorded,
    series,
    told_total,
    total,
)
from storehand_worker.operation.rules.promql import pooled

_IS_WORKER = f"and on (instance) {series('slots')}"
_READY = of("pool:storehand_ready_workers:sum", POOL)
_SLOTS = f"sum by (pool) ({_READY} * on ({POOL_LABELS}) {highest('pool_slots', by=POOL_LABELS)})"
"""Of the engines, as the scaling rule reckons; `storehand_slots` are messages, and one holds up to 32 jobs."""
_CLAIMED = f"{series('jobs_in_hand')} and on (job, instance) {series('ready')} == 1"
_IN_HAND = f"sum by (pool) ({pooled(_CLAIMED)})"
_HAS_BEGUN = f"and on (pod, instance) {series('start_up_seconds')} > 0"
"""A worker that still loads its models has not looked for the broker."""

_DEPLOYMENT = "max by (namespace, deployment)"
_WANTED = f"{_DEPLOYMENT} ({of_pools('kube_deployment_spec_replicas', 'deployment')})"
_HAS = f"{_DEPLOYMENT} ({of_pools('kube_deployment_status_replicas_ready', 'deployment')})"
_DEVICES = near_us("DCGM_FI_DEV_GPU_UTIL")
_FILLS = 'phase=~"decode|encode"'
"""A prefill is small by nature: rows are taken in as they come."""


def _met(keda: str) -> str:
    """Per second."""
    return f"sum({near_us(f'rate({keda}[$__rate_interval])')})"


_UP = {"0": ("away", RED), "1": ("there", GREEN)}

_ROOM = Row(
    "Room · 饱和度",
    (
        bars(
            "Slots in use",
            "Jobs in hand of ready workers over the slots of their engines, by pool. The scaling rule aims at the "
            "pool's utilization, 75 % unless set; over 100 % jobs are claimed and wait before the engine. "
            "槽位占用率；超过 100% 表示已领取但仍在引擎前等待。",
            [Query(ratio(_IN_HAND, _SLOTS), "{{pool}}")],
            unit="percentunit",
            steps=((None, GREEN), (0.85, ORANGE), (0.98, RED)),
            highest=1,
            width=6,
        ),
        lines(
            "Slots",
            "Jobs in hand of ready workers, by pool; dashed: slots of their engines (workers x slots of the pool). "
            "What is above them is claimed and waits before the engine. 就绪工作进程手中的任务与引擎槽位总数。",
            [Query(_IN_HAND, "{{pool}} in hand"), Query(_SLOTS, "{{pool}} slots", plan=True)],
            unit="short",
            width=6,
        ),
        lines(
            "Batch fill",
            "Share of a step's nearer limit, by model: slots while writing (decode), texts or tokens of a batch while "
            "encoding. Low under load means that requests come one by one. 批次填充率（解码、编码）。",
            [Query(mean("batch_fill_ratio", _FILLS, by="model, phase"), "{{model}} {{phase}}")],
            unit="percentunit",
            width=6,
            highest=1,
        ),
        lines(
            "Tokens",
            "Read and written by all models. 读取与生成的 token 速率。",
            [Query(rate("tokens_total", 'kind=~"prompt|output"', by="kind"), "{{kind}}")],
            unit="si: tok/s",
            width=6,
        ),
        lines(
            "Memory",
            "Resident memory of workers, and used memory of the accelerators they see; dashed: what those have. "
            "工作进程内存与显存。",
            [
                Query(f"{of('process_resident_memory_bytes', POOL)} {_IS_WORKER}", "{{pod}} {{instance}}"),
                Query(total("device_memory_bytes", 'state="used"', by="pool, device"), "{{pool}} {{device}}"),
                Query(
                    total("device_memory_bytes", 'state="total"', by="pool, device"), "{{pool}} {{device}}", plan=True
                ),
            ],
            unit="bytes",
            width=12,
        ),
        lines(
            "CPU and accelerators",
            "100 % is one core, or one accelerator in which a kernel always runs (NVIDIA DCGM exporter). Both are "
            "duty cycles, not load: scale on backlog. CPU 与 GPU 忙碌占比。",
            [
                Query(
                    f"rate({of('process_cpu_seconds_total', POOL)}[$__rate_interval]) {_IS_WORKER}",
                    "{{pod}} {{instance}}",
                ),
                Query(f"max by (Hostname, gpu) ({_DEVICES}) / 100", "{{Hostname}} device {{gpu}}"),
            ],
            unit="percentunit",
            width=12,
        ),
    ),
)

_PLAN = {
    "required": (f"round({recorded('required_workers:sum')}, 0.01)", "none"),
    "ready": (recorded("ready_workers:sum"), "none"),
    "min": (told_total("pool_min_workers", by="pool"), "none"),
    "max": (told_total("pool_max_workers", by="pool"), "none"),
    "slots a worker": (highest("pool_slots", by="pool"), "none"),
    "aim of slots in use": (highest("pool_target_utilization_ratio", by="pool"), "percentunit"),
    "objective": (highest("pool_objective_ratio", by="pool"), "percentunit"),
    "wait, interactive": (highest("pool_wait_objective_seconds", 'priority="interactive"', by="pool"), "s"),
    "wait, bulk": (highest("pool_wait_objective_seconds", 'priority="bulk"', by="pool"), "s"),
    "cold start": (highest("pool_cold_start_seconds", by="pool"), "s"),
}

_CAPACITY = Row(
    "Capacity · 容量与伸缩",
    (
        table(
            "Pools: what is needed, what is there, what was planned",
            "Required: the scaling rule, not rounded (docs/scaling.md). The rest is the setting `pools`. "
            "各池所需、就绪与计划。",
            _PLAN,
            key="pool",
            height=5,
        ),
        lines(
            "Workers required, desired, ready",
            "Required is what KEDA or the HPA read; desired is what they asked Kubernetes for (kube-state-metrics); "
            "ready are workers whose /readyz is green. Dashed: most that are allowed. 所需、期望与就绪的工作进程数。",
            [
                Query(recorded("required_workers:sum"), "{{pool}} required"),
                Query(recorded("ready_workers:sum"), "{{pool}} ready"),
                Query(f"sum by (deployment) ({_WANTED})", "{{deployment}} desired"),
                Query(told_total("pool_max_workers", by="pool"), "{{pool}} max", plan=True),
            ],
            unit="short",
        ),
        lines(
            "Scaler: what makes it blind",
            "Sources that the exporter can't read, workers that Kubernetes wants and has not, and per second the "
            "errors and empty answers that KEDA met in our namespaces, as StorehandScalerErrors counts them. All of it "
            "should be 0. 伸缩器：不可读数据源、缺少的副本、错误。",
            [
                Query(f"sum(1 - min by (namespace, release, source) ({series('exporter_up')}))", "sources away"),
                Query(f"sum(clamp_min({_WANTED} - {_HAS}, 0))", "workers missing"),
                Query(_met("keda_scaler_detail_errors_total"), "KEDA errors/s"),
                Query(_met("keda_scaler_empty_upstream_responses_total"), "KEDA empty answers/s"),
            ],
            unit="short",
        ),
        lines(
            "Start-up",
            "Process start to serving, by worker: mostly the loading of models. Dashed: the cold start the plan "
            "reckons with, which counts the pod's creation too. 启动到就绪时长。",
            [
                Query(highest("start_up_seconds", by="pool, pod, instance"), "{{pod}} {{instance}}"),
                Query(highest("pool_cold_start_seconds", by="pool"), "{{pool}} plan", plan=True),
            ],
            unit="s",
        ),
        states(
            "Workers",
            "Ready, draining, or neither: starting, or something is wrong (/readyz says what). 各工作进程状态。",
            [
                Query(
                    f"max by (pool, pod, instance) ({series('ready')} + 2 * {series('draining')})",
                    "{{pool}} {{pod}} {{instance}}",
                )
            ],
            words={"0": ("not ready", ORANGE), "1": ("ready", GREEN), "2": ("draining", BLUE), "3": ("draining", BLUE)},
            width=24,
        ),
    ),
)

_GROUND = Row(
    "Broker and store · 消息代理与任务库",
    (
        numbers(
            "Dead letters",
            "Messages that are no job, and poison jobs: `storehand dead list`. 死信。",
            [Query(told_total("dead_letters"), "dead letters")],
            unit="short",
            steps=((None, GREEN), (1, ORANGE), (100, RED)),
        ),
        numbers(
            "Jobs without a message",
            "The reconciler rings for them within seconds; a number that stays means that nobody reconciles. "
            "待补发消息的任务。",
            [Query(told_total("unrung_jobs"), "unrung")],
            unit="short",
            steps=((None, GREEN), (100, ORANGE), (900, RED)),
        ),
        states(
            "Who is there",
            "Store and broker as exporter and workers see them, and whether somebody reconciles. 依赖与协调者状态。",
            [
                Query(f"min by (source) ({series('exporter_up')})", "exporter: {{source}}"),
                Query(f"min({series('store_up')} {_HAS_BEGUN})", "workers: store"),
                Query(f"min({series('broker_up')} {_HAS_BEGUN})", "workers: broker"),
                Query(f"min(max by (namespace, release) ({series('reconciler_up')}))", "reconciler"),
            ],
            words=_UP,
        ),
        lines(
            "Messages in queues",
            "An envelope holds up to 32 jobs, so this is less than jobs. RabbitMQ does not tell what is in hand. "
            "队列消息数。",
            [Query(told_total("queue_messages", by="priority, state"), "{{priority}} {{state}}")],
            unit="short",
            stacked=True,
        ),
        lines(
            "Redeliveries",
            "Messages that came again, that joined their running job, that wait for another worker's lease, that were "
            "laid aside. 重复投递、并入、停放、隔离。",
            [
                Query(rate("redelivered_total"), "redelivered"),
                Query(rate("reattached_total"), "joined the running job"),
                Query(rate("parked_total"), "parked"),
                Query(rate("quarantined_total"), "laid aside"),
            ],
            unit="suffix: /s",
        ),
        lines(
            "Store errors",
            "Calls of workers to the job store that failed, per second. 任务库调用失败速率。",
            [Query(rate("store_errors_total"), "errors")],
            unit="suffix: /s",
            colors={"errors": RED},
        ),
        lines(
            "Exporter: age and time of its reads",
            "Since the last good read, and how long a read takes, by source. Over 60 s scalers are told nothing "
            "rather than something old. 采集器数据年龄与耗时。",
            [
                Query(highest("exporter_age_seconds", by="source"), "{{source}} age"),
                Query(highest("exporter_read_seconds", by="source"), "{{source}} read"),
            ],
            unit="s",
            log=True,
        ),
    ),
)

SUPPLY = (_ROOM, _CAPACITY, _GROUND)
