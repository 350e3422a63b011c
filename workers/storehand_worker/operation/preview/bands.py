"""Panels that fill their room with colored fields over time: states, and histograms as heat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

from matplotlib.colors import LinearSegmentedColormap

from storehand_worker.operation.preview.answers import Answer, Marked
from storehand_worker.operation.preview.board import Panel
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.curves import LINE, draw_legend
from storehand_worker.operation.preview.figures import kept
from storehand_worker.operation.preview.scales import LABEL, marks, time_axis
from storehand_worker.operation.preview.source import Series
from storehand_worker.operation.preview.units import human
from storehand_worker.operation.preview.variables import Window

MOST_ROWS = 14


def draw_states(
    sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer], window: Window, marked: list[Marked]
) -> None:
    """Grafana's state timeline: one bar for each series, colored by what its values are called."""
    series, more = kept([each for answer in answers for each in answer.series], MOST_ROWS)
    rows = len(series) + bool(more)
    widest = min(max(sheet.width_of(each.name, 11) for each in series) + 14, box.w * 0.4)
    room = box.inside(left=widest + 10, top=4, right=14, bottom=22 + LINE)
    axes = sheet.axes(room)
    time_axis(sheet, axes, room, window)
    axes.set_ylim(rows, 0)
    words = _words(panel)
    line = room.h / rows
    sheet.text(room.x - 8, room.y + line * (rows - 0.5), more, size=11, color=sheet.theme.faint, across="right")
    for number, each in enumerate(series):
        name = sheet.fit(each.name, widest - 8, 11)
        sheet.text(room.x - 8, room.y + line * (number + 0.5), name, size=11, across="right")
        for value, start, end in spells(each, window.step_s):
            color = sheet.theme.color(words.get(f"{value:g}", ("", "blue"))[1])
            axes.fill_between([start, end], number + 0.12, number + 0.88, color=color, alpha=0.8, linewidth=0, zorder=2)
    marks(axes, sheet, marked)
    there = {f"{value:g}" for each in series for value in each.values if math.isfinite(value)}
    legend = dict.fromkeys(words[each] for each in words if each in there)
    items = [(word, sheet.theme.color(color), False) for word, color in legend]
    draw_legend(sheet, box.x + 12, room.y + room.h + 22 + LINE / 2, [items] if items else [])


def spells(series: Series, step_s: float) -> list[tuple[float, float, float]]:
    """(value, from, to) of every time in which the value stayed the same."""
    found = []
    for (value, is_gap), group in groupby(
        zip(series.times, series.values, strict=True), key=lambda pair: (pair[1], math.isnan(pair[1]))
    ):
        times = [time for time, _ in group]
        if not is_gap:
            found.append((value, times[0] - step_s / 2, times[-1] + step_s / 2))
    return found


def _words(panel: Panel) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for mapping in panel.defaults.get("mappings") or []:
        if mapping.get("type") == "value":
            options: dict[str, Any] = mapping["options"]
            found |= {value: (said.get("text", value), said.get("color", "blue")) for value, said in options.items()}
    return found


def draw_heat(
    sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer], window: Window, marked: list[Marked]
) -> None:
    """Grafana's heatmap of a histogram's buckets: darker where more was observed."""
    bounds, fields = buckets([series for answer in answers for series in answer.series])
    used = [number for number, row in enumerate(fields) if any(value > 0 for value in row)] or [0]
    first, last = max(used[0] - 1, 0), min(used[-1] + 2, len(bounds))
    bounds, fields = bounds[first:last], fields[first:last]
    room = box.inside(left=62, top=6, right=14, bottom=26)
    axes = sheet.axes(room)
    time_axis(sheet, axes, room, window)
    times = next(series.times for answer in answers for series in answer.series if "le" in series.labels)
    edges = [time - window.step_s / 2 for time in times] + [times[-1] + window.step_s / 2]
    colors = [sheet.theme.panel, sheet.theme.color("blue"), "#cfe0fd" if sheet.theme.page < "#8" else "#0b2d6b"]
    heat = LinearSegmentedColormap.from_list("heat", colors)
    shown = [[math.sqrt(value) if value > 0 else math.nan for value in row] for row in fields]
    top = max((value for row in shown for value in row if value > 0), default=1.0)
    axes.pcolormesh(edges, range(len(bounds) + 1), shown, cmap=heat, vmin=-top * 0.12, vmax=top, zorder=1,
                    edgecolors=sheet.theme.panel, linewidth=0.4)  # fmt: skip
    unit = str((panel.options.get("yAxis") or {}).get("unit") or "short")
    line = room.h / len(bounds)
    every = max(1, math.ceil(15 / line))
    for number, bound in list(enumerate(bounds))[::every]:
        y = room.y + room.h - line * (number + 1)
        sheet.text(room.x - 7, y, human(bound, unit), size=LABEL, color=sheet.theme.faint, across="right")
    marks(axes, sheet, marked)


def buckets(series: Sequence[Series]) -> tuple[list[float], list[list[float]]]:
    """Upper bounds, lowest first, and what lies in each bucket itself: Prometheus counts everything below."""
    found = sorted((float(each.labels["le"]), each) for each in series if "le" in each.labels)
    rows = [[0.0 if math.isnan(value) else value for value in each.values] for _, each in found]
    alone = [rows[0]] if rows else []
    for below, row in pairwise(rows):
        alone.append([max(0.0, value - low) for low, value in zip(below, row, strict=True)])
    return [bound for bound, _ in found], alone
