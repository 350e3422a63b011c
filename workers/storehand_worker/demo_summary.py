"""The demo's last page: figures, with the command that repeats them."""

from __future__ import annotations

import statistics
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from storehand.cli.output import span
from storehand_worker.demo_board import KINDS, Board, percentile
from storehand_worker.demo_worker import Scrape

KEY_METRICS = (
    "storehand_jobs_total",
    'storehand_tokens_total{kind="output"',
    'storehand_tokens_total{kind="wasted"',
    "storehand_e2e_seconds_sum",
    "storehand_lane_wait_seconds_count",
    "storehand_batch_fill_ratio_sum",
    "storehand_batch_fill_ratio_count",
)
_FILL = "storehand_batch_fill_ratio"


def figures(board: Board) -> dict[str, Any]:
    """All figures, JSON-ready; seconds, shares and counts."""
    elapsed_s = max(board.elapsed_s, 1e-6)
    scrape = board.scrape
    return {
        "ready_after_s": round(board.ready_after_s, 3),
        "elapsed_s": round(elapsed_s, 3),
        "descriptions": board.described,
        "descriptions_per_s": round(board.described / elapsed_s, 2),
        "output_tokens_per_s": round(scrape.total("storehand_tokens_total", kind="output") / elapsed_s, 1),
        "reviews": board.rated,
        "reviews_per_s": round(board.rated / elapsed_s, 1),
        "latency_s": {
            kind: {"p50": _rounded(percentile(times, 0.5)), "p95": _rounded(percentile(times, 0.95))}
            for kind, times in board.latencies.items()
        },
        "batch_fill": _batch_fill(scrape),
        "attribute_coverage": _rounded(statistics.fmean(board.coverage) if board.coverage else None),
        "invented_numbers": board.invented_numbers,
        "written_by_model": board.by_model,
        "sentiment_accuracy": _rounded(board.judged_right / board.judged if board.judged else None),
        "sentiment_judged": board.judged,
        "failures": list(board.failures),
    }


def metric_lines(board: Board) -> list[str]:
    """A few lines as Prometheus reads them; what is zero is left out."""
    return [line for line in board.scrape.lines if line.startswith(KEY_METRICS) and not line.endswith(" 0.0")]


def show_summary(board: Board, out: Console, *, metrics_url: str, data_dir: str) -> None:
    """Prints the figures for people, in both languages."""
    found = figures(board)
    table = Table(title="Summary / 小结", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right")
    for name, value in _rows(found, board):
        table.add_row(name, value)
    out.print(table)
    out.print(Text(f"\nmetrics while the worker ran / 运行时指标: {metrics_url}", style="bold"))
    for line in metric_lines(board):
        out.print(Text(f"  {line}", style="dim"))
    out.print(Text(f"data folder / 数据目录: {data_dir}"))
    for failure in board.failures[:10]:
        out.print(Text(f"✗ {failure}", style="red"))


def _rows(found: dict[str, Any], board: Board) -> list[tuple[str, str]]:
    rows = [
        ("worker ready after / 启动用时", f"{found['ready_after_s']:.1f} s"),
        ("first job to last answer / 处理用时", f"{found['elapsed_s']:.1f} s"),
        ("descriptions / 商品描述", f"{board.described}  ({found['descriptions_per_s']:.1f}/s)"),
        ("output tokens / 生成速度", f"{found['output_tokens_per_s']:.0f}/s"),
        ("reviews / 评价", f"{board.rated}  ({found['reviews_per_s']:.0f}/s)"),
    ]
    for kind in KINDS:
        times = found["latency_s"][kind]
        rows.append((f"latency p50, p95 / 延迟: {kind}", f"{span(times['p50'])}, {span(times['p95'])}"))
    for model, fill in found["batch_fill"].items():
        rows.append((f"mean batch fill / 批填充率: {model}", "-" if fill is None else f"{fill:.0%}"))
    if found["attribute_coverage"] is not None:
        rows.append(("attribute coverage / 属性覆盖率", f"{found['attribute_coverage']:.1%}"))
    rows.append(("invented numbers / 虚构数字", str(found["invented_numbers"])))
    rows.append(("written by the model / 由模型撰写", f"{found['written_by_model']} of {board.described}"))
    if found["sentiment_accuracy"] is not None:
        accuracy = f"{found['sentiment_accuracy']:.1%} of {found['sentiment_judged']}"
        rows.append(("sentiment agrees with people / 与人工标注一致", accuracy))
    return rows


def _batch_fill(scrape: Scrape) -> dict[str, float | None]:
    models = scrape.label_values(f"{_FILL}_count", "model")
    return {model: _rounded(scrape.mean(_FILL, model=model)) for model in models}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
