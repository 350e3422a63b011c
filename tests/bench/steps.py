"""What an engine's reports say of its steps."""

from __future__ import annotations

from collections.abc import Sequence

from storehand.engine import BatchReport


def near_the_limit(reports: Sequence[BatchReport]) -> dict[str, float]:
    """Per phase: the least seconds that the useful tokens need on this machine over those that were spent."""
    ratios: dict[str, float] = {}
    for phase in sorted({report.phase for report in reports}):
        own = [report for report in reports if report.phase == phase]
        ratios[phase] = sum(report.least_s for report in own) / sum(report.seconds for report in own)
    return ratios


def gap_share(reports: Sequence[BatchReport]) -> float:
    """The share of the engine thread's time that lies between its steps."""
    gaps_s = sum(report.gap_s for report in reports)
    return gaps_s / (gaps_s + sum(report.seconds for report in reports))


def sentence(reports: Sequence[BatchReport]) -> str:
    ratios = ", ".join(f"{phase} {ratio:.2f}" for phase, ratio in near_the_limit(reports).items())
    return f"Roofline ratio of the engine: {ratios}; {gap_share(reports):.1%} of its time between steps."
