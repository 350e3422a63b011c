"""The demo's last page: figures, with the command that repeats them."""

from __future__ import annotations

import statistics
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from storehand.cli.output import span
from storehand_worker.demo.board import NAMES, TASKS, Board, percentile
from storehand_worker.demo.worker import Scrape

KEY_METRICS = (
    "storehand_jobs_total",
    'storehand_tokens_total{kind="output"',
    'storehand_tokens_total{kind="wasted"',
    "storehand_e2e_seconds_sum",
    "storehand_batch_fill_ratio_sum",
    "storehand_batch_fill_ratio_count",
)
_FILL = "storehand_batch_fill_ratio"
_TITLE = {"title_justify": "left", "title_style": "bold", "box": None, "pad_edge": False}


def figures(board: Board) -> dict[str, Any]:
    """All figures, JSON-ready; seconds, shares and counts."""
    elapsed_s = max(board.elapsed_s, 1e-6)
    scrape, quality = board.scrape, board.quality
    return {
        "ready_after_s": round(board.ready_after_s, 3),
        "elapsed_s": round(elapsed_s, 3),
        "tasks": {task: _task(board, task, elapsed_s) for task in TASKS},
        "output_tokens_per_s": round(scrape.total("storehand_tokens_total", kind="output") / elapsed_s, 1),
        "batch_fill": _batch_fill(scrape),
        "bulk_waiting_at_chat": percentile(board.overtaken, 0.5),
        "attribute_coverage": _rounded(statistics.fmean(quality.coverage) if quality.coverage else None),
        "unsupported_claims": quality.unsupported,
        "offer_facts": quality.offer_facts,
        "offer_facts_right": quality.offer_facts_right,
        "sentiment_accuracy": _rounded(quality.judged_right / quality.judged if quality.judged else None),
        "sentiment_judged": quality.judged,
        "personalised": quality.personalised,
        "chat_actions": dict(sorted(quality.actions.items())),
        "chat_grounded": quality.grounded,
        "written_by": dict(sorted(quality.by_model.items())),
        "checks": dict(sorted(quality.checks.items())),
        "failures": list(board.failures),
    }


def metric_lines(board: Board) -> list[str]:
    """A few lines as Prometheus reads them; what is zero is left out."""
    return [line for line in board.scrape.lines if line.startswith(KEY_METRICS) and not line.endswith(" 0.0")]


def show_summary(board: Board, out: Console, *, metrics_url: str, data_dir: str) -> None:
    """Prints the figures for people, in both languages."""
    found = figures(board)
    out.print(_task_table(found))
    out.print()
    out.print(_table(_rows(found)))
    out.print(Text(f"\nmetrics while the worker ran / 运行时指标: {metrics_url}", style="bold"))
    for line in metric_lines(board):
        out.print(Text(f"  {line}", style="dim"))
    out.print(Text(f"data folder / 数据目录: {data_dir}"))
    for failure in board.failures[:10]:
        out.print(Text(f"✗ {failure}", style="red"))


def _task(board: Board, task: str, elapsed_s: float) -> dict[str, Any]:
    done, times = board.done[task], board.latencies[task]
    return {
        "done": done,
        "per_s": round(done / elapsed_s, 1),
        "p50_s": _rounded(percentile(times, 0.5)),
        "p95_s": _rounded(percentile(times, 0.95)),
    }


def _task_table(found: dict[str, Any]) -> Table:
    table = Table(title="Throughput and waits / 吞吐与等待", **_TITLE)  # type: ignore[arg-type]  # rich's own names
    table.add_column("", no_wrap=True)
    for name in ("answers / 答复", "per second / 每秒", "p50", "p95"):
        table.add_column(name, justify="right")
    for task, row in found["tasks"].items():
        table.add_row(NAMES[task], str(row["done"]), f"{row['per_s']:.1f}", span(row["p50_s"]), span(row["p95_s"]))
    return table


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table(title="Checks and engines / 检查与引擎", **_TITLE)  # type: ignore[arg-type]  # rich's own names
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    waiting = found["bulk_waiting_at_chat"]
    rows = [
        ("worker ready after / 启动用时", f"{found['ready_after_s']:.1f} s"),
        ("first job to last answer / 处理用时", f"{found['elapsed_s']:.1f} s"),
        ("bulk jobs behind each chat / 客服答复时排队的批量任务",
         "-" if waiting is None else f"{waiting:.0f} (median / 中位数)"),
        ("output tokens / 生成速度", f"{found['output_tokens_per_s']:.0f}/s"),
    ]  # fmt: skip
    for model, fill in found["batch_fill"].items():
        rows.append((f"mean batch fill / 批填充率: {model}", "-" if fill is None else f"{fill:.0%}"))
    if found["attribute_coverage"] is not None:
        rows.append(("attribute coverage / 属性覆盖率", f"{found['attribute_coverage']:.1%}"))
    right = f"{found['offer_facts_right']} of {found['offer_facts']}"
    rows += [
        ("unsupported claims / 无依据内容", str(found["unsupported_claims"])),
        ("offer facts stated and right / 优惠信息准确", right),
        ("personalised recommendations / 个性化推荐", str(found["personalised"])),
        ("chat actions / 客服动作", _counts(found["chat_actions"])),
        ("written by / 撰写方式", _counts(found["written_by"])),
    ]
    if found["sentiment_accuracy"] is not None:
        accuracy = f"{found['sentiment_accuracy']:.1%} of {found['sentiment_judged']}"
        rows.append(("sentiment agrees with people / 与人工标注一致", accuracy))
    rows.append(("findings of the checks / 检查结果", _counts(found["checks"]) or "-"))
    return rows


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _batch_fill(scrape: Scrape) -> dict[str, float | None]:
    """Of the steps that answer: a text model's prefills are small by nature."""
    models = scrape.label_values(f"{_FILL}_count", "model")
    means = (
        (model, scrape.mean(_FILL, model=model, phase=phase)) for model in models for phase in ("decode", "encode")
    )
    return {model: _rounded(mean) for model, mean in means if mean is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
