"""Cells as tables and JSON: means over seeds with the lowest and the highest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from storehand.job import Priority
from storehand_worker.simulate.run import Result

HEAD = (
    "policy", "in time, %", "wait p95, s", "total p95, s", "worker-hours", "killed", "not drained", "changes", "most",
)  # fmt: skip


def grouped(results: Iterable[Result]) -> dict[str, dict[str, list[Result]]]:
    """By trace, then by policy, in the order in which they came."""
    found: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        found.setdefault(result.trace, {}).setdefault(result.policy, []).append(result)
    return found


def rows(by_policy: Mapping[str, Sequence[Result]]) -> list[tuple[str, ...]]:
    """Of one trace, under `HEAD`; priorities stand beside each other."""
    return [
        (
            policy,
            _each(cells, lambda cell, priority: 100 * cell.in_time[priority], digits=1),
            _each(cells, lambda cell, priority: cell.wait_p95_s[priority], spread=False),
            _each(cells, lambda cell, priority: cell.total_p95_s[priority], spread=False),
            _over([cell.worker_hours for cell in cells], digits=1),
            f"{mean(cell.killed for cell in cells):.0f}",
            f"{mean(cell.interrupted for cell in cells):.0f}",
            f"{mean(cell.actions for cell in cells):.0f}",
            f"{max(cell.most_workers for cell in cells)}",
        )
        for policy, cells in by_policy.items()
    ]


def to_json(result: Result) -> dict[str, Any]:
    return {
        "trace": result.trace,
        "policy": result.policy,
        "seed": result.seed,
        "jobs": result.jobs,
        "in_time": {str(each): round(share, 5) for each, share in result.in_time.items()},
        "wait_p95_s": {str(each): _finite(wait_s) for each, wait_s in result.wait_p95_s.items()},
        "total_p95_s": {str(each): _finite(total_s) for each, total_s in result.total_p95_s.items()},
        "worker_hours": round(result.worker_hours, 3),
        "killed": result.killed,
        "killed_if_not_drained": result.interrupted,
        "changes": result.actions,
        "most_workers": result.most_workers,
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else round(seconds, 3)


def _each(cells: Sequence[Result], what: Any, *, digits: int = 0, spread: bool = True) -> str:
    priorities = [priority for priority in Priority if priority in cells[0].in_time]
    parts = []
    for priority in priorities:
        values = [what(cell, priority) for cell in cells]
        said = _over(values, digits=digits) if spread else f"{mean(values):.{digits}f}"
        parts.append(said if len(priorities) == 1 else f"{priority} {said}")
    return ", ".join(parts)


def _over(values: Sequence[float], *, digits: int) -> str:
    middle = f"{mean(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"
