"""What the engines do with the machine: speed for readers, full batches, waste, distance to the limit, memory."""

from __future__ import annotations

from storehand_worker.operation.dashboards.page import Row, page
from storehand_worker.operation.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PRIORITIES,
    RED,
    Query,
    bars,
    heat,
    lines,
    numbers,
    quantiles,
    states,
)
from storehand_worker.operation.dashboards.promql import POOL, highest, mean, of, quantile, rate, ratio, series, total

MODEL = 'model=~"$model"'
_WORKER = "{{pod}} {{instance}}"
UID = "storehand-engines"
KINDS = {"prompt": BLUE, "output": GREEN, "padding": GREY, "wasted": RED}


def build() -> str:
    return page(
        UID,
        "Storehand / Engines",
        "What the engines do with the machine: speed, full batches, waste, distance to the limit, memory. "
        "推理引擎：速度、批次、浪费、极限、内存。",
        by="model",
        metric="storehand_engine_up",
        rows=(SPEED, BATCHES, LIMIT, MEMORY, CARE),
    )


def _share(kind: str, whole: str) -> str:
    part = rate("tokens_total", MODEL, f'kind="{kind}"', by="model")
    return ratio(part, rate("tokens_total", MODEL, f'kind=~"{whole}"', by="model"))


_GAP = rate("host_gap_seconds_total", MODEL, by="model")
_STEPS = rate("step_seconds_sum", MODEL, by="model")

SPEED = Row(
    "Speed · 速度",
    (
        lines(
            "Time to first token",
            "Text call submitted to its first token: p50 and p95 of all models chosen. 首个 token 时延。",
            quantiles("time_to_first_token_seconds", MODEL),
            unit="s",
            width=6,
        ),
        lines(
            "Time per output token",
            "Pace of a text after its first token; 0.1 s is faster than people read. 每个输出 token 的间隔。",
            quantiles("time_per_output_token_seconds", MODEL),
            unit="s",
            width=6,
        ),
        lines(
            "Wait in the lane p95",
            "Model call submitted to scheduled, by the job's priority: bulk waits so that people need not. "
            "引擎前排队时长。",
            [Query(quantile(0.95, "lane_wait_seconds", by="priority"), "{{priority}}")],
            unit="s",
            width=6,
            log=True,
            colors=PRIORITIES,
        ),
        lines(
            "Model call p95",
            "Scheduled to last token, by model. 单次推理时长 p95。",
            [Query(quantile(0.95, "inference_seconds", MODEL, by="model"), "{{model}}")],
            unit="s",
            width=6,
            log=True,
        ),
        lines(
            "Tokens by kind",
            "Prompt and output of answered calls; padding; wasted: written for jobs that were stopped. token "
            "速率按种类。",
            [Query(rate("tokens_total", MODEL, by="kind"), "{{kind}}")],
            unit="si: tok/s",
            width=12,
            stacked=True,
            colors=KINDS,
        ),
        lines(
            "Model calls by result",
            "Requests to engines that ended, by code; a call with more than 32 texts counts as several. "
            "模型调用按结果。",
            [Query(rate("model_calls_total", MODEL, by="code"), "{{code}}")],
            unit="suffix: calls/s",
            width=12,
            stacked=True,
            colors={"ok": GREEN, "cancelled": GREY, "expired": ORANGE},
        ),
    ),
)

BATCHES = Row(
    "Batches · 批次",
    (
        lines(
            "Batch fill",
            "Mean share of a step's nearer limit: slots while writing (decode), texts or tokens of a batch else. "
            "A prefill is small by nature: rows are taken in as they come. 各阶段批次填充率均值。",
            [Query(mean("batch_fill_ratio", MODEL, by="model, phase"), "{{model}} {{phase}}")],
            unit="percentunit",
            highest=1,
        ),
        heat(
            "Items of a step",
            "Steps per second by how many items they held: the higher, the better the machine is used. "
            "每步条目数分布。",
            rate("batch_items_bucket", MODEL, by="le"),
            unit="short",
        ),
        lines(
            "Items on the device and before it",
            "Running in a batch, and waiting in the lane, by model. 设备内与等待中的条目。",
            [
                Query(total("running", MODEL, by="model"), "{{model}} running"),
                Query(total("waiting", MODEL, by="model"), "{{model}} waiting"),
            ],
            unit="short",
        ),
        lines(
            "Items of a step, mean",
            "By model and phase. 每步条目均值。",
            [Query(mean("batch_items", MODEL, by="model, phase"), "{{model}} {{phase}}")],
            unit="short",
        ),
        lines(
            "Tokens of a step, mean",
            "The whole rectangle, padding included; dashed: the budget that was learned from what fits. 每步 token "
            "均值。",
            [
                Query(mean("batch_tokens", MODEL, by="model, phase"), "{{model}} {{phase}}"),
                Query(f"max by (model) ({series('engine_budget_tokens', MODEL)})", "{{model}} budget", plan=True),
            ],
            unit="short",
            log=True,
        ),
        lines(
            "Padding and waste",
            "Padding over all tokens computed; wasted tokens over all written. 填充与浪费占比。",
            [
                Query(_share("padding", "prompt|output|padding"), "{{model}} padding"),
                Query(_share("wasted", "output|wasted"), "{{model}} wasted"),
            ],
            unit="percentunit",
            highest=0.2,
        ),
    ),
)

LIMIT = Row(
    "Distance to the limit · 与物理极限的距离",
    (
        lines(
            "Roofline ratio",
            "1: as fast as this machine can do it at all; 0.5: twice as long as it must take. Measured at load "
            "(docs/metrics.md). 达到物理极限的比例。",
            [
                Query(
                    ratio(
                        rate("least_seconds_total", MODEL, by="model, phase"),
                        rate("step_seconds_sum", MODEL, by="model, phase"),
                    ),
                    "{{model}} {{phase}}",
                )
            ],
            unit="percentunit",
            highest=1,
        ),
        lines(
            "Engine time in steps",
            "Seconds per second that engines compute, by phase; all phases together cannot pass one per engine. "
            "引擎计算时间占比。",
            [Query(rate("step_seconds_sum", MODEL, by="model, phase"), "{{model}} {{phase}}")],
            unit="percentunit",
            stacked=True,
        ),
        lines(
            "Host gap",
            "Share of an engine's busy time that is not in a step: admission, answers, other threads. "
            "引擎步间空隙占比。",
            [Query(ratio(_GAP, f"({_GAP} + {_STEPS})"), "{{model}}")],
            unit="percentunit",
            highest=0.5,
        ),
        lines(
            "Step p95",
            "One engine step, by model and phase. 单步时长 p95。",
            [Query(quantile(0.95, "step_seconds", MODEL, by="model, phase"), "{{model}} {{phase}}")],
            unit="s",
            log=True,
        ),
        heat(
            "Steps",
            "Steps per second by how long they took. 单步时长分布。",
            rate("step_seconds_bucket", MODEL, by="le"),
            unit="s",
        ),
        bars(
            "Roofline ratio, last 30 s",
            "As the engines tell it themselves, by model and phase. 最近 30 秒的极限比例。",
            [Query(f"max by (model, phase) ({series('roofline_ratio', MODEL)})", "{{model}} {{phase}}")],
            unit="percentunit",
            steps=((None, RED), (0.1, ORANGE), (0.3, GREEN)),
            highest=1,
        ),
    ),
)

MEMORY = Row(
    "Memory · 内存",
    (
        lines(
            "Keys and values",
            "Tokens of texts in hand that the engine keeps; dashed: the most it may. KV 缓存 token。",
            [
                Query(total("kv_tokens", MODEL, 'state="used"', by="model"), "{{model}} used"),
                Query(total("kv_tokens", MODEL, 'state="reserved"', by="model"), "{{model}} reserved"),
                Query(total("kv_tokens", MODEL, 'state="limit"', by="model"), "{{model}} limit", plan=True),
            ],
            unit="short",
            log=True,
        ),
        lines(
            "Memory",
            "Resident memory of workers, and used memory of their accelerators; dashed: what those have. 内存与显存。",
            [
                Query(f"{of('process_resident_memory_bytes', POOL)} and on (instance) {series('slots')}", _WORKER),
                Query(
                    total("device_memory_bytes", 'state="used"', by="instance, pod, device"),
                    f"{_WORKER} {{{{device}}}}",
                ),
                Query(
                    total("device_memory_bytes", 'state="total"', by="instance, pod, device"),
                    f"{_WORKER} {{{{device}}}}",
                    plan=True,
                ),
            ],
            unit="bytes",
        ),
        lines(
            "Out of memory",
            "Batches that did not fit and were taken apart; jobs survive it, the budget shrinks. 显存不足次数。",
            [Query(f"sum by (model) (increase({series('oom_total', MODEL)}[$__rate_interval]))", "{{model}}")],
            unit="short",
        ),
    ),
)

CARE = Row(
    "Health · 健康",
    (
        states(
            "Engines and accelerators",
            "Whether each model can answer, and each accelerator. 引擎与加速卡状态。",
            [
                Query(f"min by (model) ({series('engine_up', MODEL)})", "{{model}}"),
                Query(f"min by (pod, device) ({series('device_up')})", "{{pod}} {{device}}"),
            ],
            words={"0": ("dead", RED), "1": ("up", GREEN)},
            width=12,
        ),
        lines(
            "Loading of models",
            "Seconds from the call to load until the model can answer, by model; the slowest worker. 模型加载时长。",
            [Query(highest("model_load_seconds", MODEL, by="model"), "{{model}}")],
            unit="s",
        ),
        numbers(
            "Engine restarts",
            "Times an engine's loop failed and went on, in the time shown. 引擎循环重启次数。",
            [Query(f"sum(increase({series('engine_restarts_total', MODEL)}[$__range]))", "restarts")],
            unit="short",
            steps=((None, GREEN), (1, ORANGE), (10, RED)),
        ),
    ),
)
