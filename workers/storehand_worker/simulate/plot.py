"""A picture of traces under policies: arrivals, jobs that wait, workers. Needs matplotlib (extra `operation`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storehand_worker.simulate.run import Result
from storehand_worker.simulate.traffic import Traffic

BIN_S = 60.0
FIRST = "rule"
SVG_SALT = "storehand"
"""The same picture has the same bytes."""


def draw(file: Path, pictures: Sequence[tuple[Traffic, Mapping[str, Result]]]) -> None:
    """A column per trace; the file's ending says SVG or PNG."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": SVG_SALT, "font.size": 8}):
        figure = Figure(figsize=(4.6 * len(pictures), 6.2), layout="constrained")
        grid: Any = figure.subplots(3, len(pictures), squeeze=False, sharex="col")
        for column, (traffic, results) in enumerate(pictures):
            _column([grid[row][column] for row in range(3)], traffic, results)
        for row, words in enumerate(("jobs per second", "jobs that wait", "workers (dotted: serving)")):
            grid[row][0].set_ylabel(words)
        figure.legend(*grid[2][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
        metadata = {"Date": None} if file.suffix.lower() == ".svg" else None
        figure.savefig(file, dpi=130, metadata=metadata)


def _column(axes: Sequence[Any], traffic: Traffic, results: Mapping[str, Result]) -> None:
    arrivals, waiting, workers = axes
    counts = [0] * (int(traffic.horizon_s / BIN_S) + 1)
    for ask in traffic.asks:
        counts[int(ask.at_s / BIN_S)] += 1
    arrivals.set_title(traffic.name)
    arrivals.plot([n * BIN_S / 3600 for n in range(len(counts))], [count / BIN_S for count in counts], lw=0.7, c="0.3")
    for policy, result in sorted(results.items(), key=lambda each: each[0] == FIRST):  # what is drawn last lies on top
        width = 1.6 if policy == FIRST else 0.8
        hours = [point.at_s / 3600 for point in result.points]
        waiting.plot(hours, [point.waiting for point in result.points], lw=width)
        line = workers.step(hours, [point.workers for point in result.points], lw=width, where="post", label=policy)[0]
        serving = [point.serving for point in result.points]
        workers.step(hours, serving, lw=0.7, ls=":", where="post", color=line.get_color())
    waiting.set_yscale("symlog", linthresh=10)
    waiting.set_ylim(bottom=0)
    workers.set_ylim(bottom=0)
    workers.set_xlabel("hours")
