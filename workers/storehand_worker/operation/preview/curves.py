"""Lines over time with their legend: Grafana's time series panel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes

from storehand_worker.operation.preview.answers import Answer, Marked
from storehand_worker.operation.preview.board import Panel
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.scales import marks, time_axis, value_axis
from storehand_worker.operation.preview.source import Series
from storehand_worker.operation.preview.variables import Window

LEGEND = 11.0
LINE = 17.0
MOST_LEGEND_LINES = 3


@dataclass(frozen=True, slots=True)
class Curve:
    series: Series
    color: str
    dashed: bool
    stacked: bool


def draw(sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer], window: Window, marked: list[Marked]) -> None:
    curves = _curves(sheet, panel, answers)
    lines = legend_lines(sheet, [(curve.series.name, curve.color, curve.dashed) for curve in curves], box.w - 16)
    room = box.inside(left=62, top=6, right=14, bottom=22 + LINE * len(lines))
    axes = sheet.axes(room)
    log = (panel.custom.get("scaleDistribution") or {}).get("type") == "log"
    low, high = bounds(panel, curves, log=log)
    value_axis(sheet, axes, room, low=low, high=high, unit=panel.unit, log=log)
    time_axis(sheet, axes, room, window)
    _stack(axes, [curve for curve in curves if curve.stacked])
    for number, curve in enumerate(curve for curve in curves if not curve.stacked):
        _line(axes, curve, panel, low, number)
    _limits(sheet, axes, panel, high)
    marks(axes, sheet, marked)
    draw_legend(sheet, box.x + 12, room.y + room.h + 22 + LINE / 2, lines)


def bounds(panel: Panel, curves: Sequence[Curve], *, log: bool) -> tuple[float, float]:
    """Of the value axis: all values, and what the panel asks for. Never empty."""
    values = [v for curve in curves for v in curve.series.values if math.isfinite(v) and (v > 0 or not log)]
    stacked = [curve.series.values for curve in curves if curve.stacked]
    values += [sum(v for v in column if math.isfinite(v)) for column in zip(*stacked, strict=True)]
    asked = [panel.custom.get("axisSoftMax"), panel.defaults.get("max")]
    high = max([*values, *(float(each) for each in asked if each is not None)], default=1.0)
    if log:
        low = 10.0 ** math.floor(math.log10(min((v for v in values if v > 0), default=0.1)))
        halves = math.ceil(math.log10(max(high, low)) * 2 + 0.1)  # half a power of ten: not too much air above
        return low, max(10.0 ** (halves / 2), low * 10)
    low = min([0.0, *values])
    return low, (high if high > low else low + 1) + (high - low) * 0.06


def _curves(sheet: Sheet, panel: Panel, answers: Sequence[Answer]) -> list[Curve]:
    found: list[Curve] = []
    stacks = (panel.custom.get("stacking") or {}).get("mode") in ("normal", "percent")
    for answer in answers:
        for series in answer.series:
            own = _looks(panel, series.name, answer.target.ref)
            color = (own["color"] or {}).get("fixedColor") or sheet.theme.palette[len(found) % len(sheet.theme.palette)]
            dashed = (own["custom.lineStyle"] or {}).get("fill") == "dash"
            apart = (own["custom.stacking"] or {}).get("mode") == "none"
            found.append(Curve(series, sheet.theme.color(color), dashed, stacks and not apart))
    return found


def _looks(panel: Panel, name: str, ref: str) -> dict[str, Any]:
    asked = ("color", "custom.lineStyle", "custom.stacking")
    return {each: panel.property_of(each, name=name, ref=ref) for each in asked}


def _line(axes: Axes, curve: Curve, panel: Panel, low: float, number: int) -> None:
    style: Any = (0, (5, 4)) if curve.dashed else "solid"
    times, values = curve.series.times, curve.series.values
    axes.plot(times, values, color=curve.color, linewidth=1.3, linestyle=style, zorder=3 - curve.dashed * 0.5)
    if not any(map(_is_number, _pairs(values))):  # alone between gaps: a line needs two
        axes.plot(times, values, color=curve.color, marker="o", markersize=2.5, linestyle="none", zorder=3)
    opacity = float(panel.custom.get("fillOpacity") or 0) / 100
    if opacity and not curve.dashed:
        axes.fill_between(times, values, low, color=curve.color, alpha=opacity, linewidth=0, zorder=1 + number / 100)


def _pairs(values: Sequence[float]) -> list[float]:
    return [one + two for one, two in pairwise(values)]


def _is_number(value: float) -> bool:
    return not math.isnan(value)


def _stack(axes: Axes, curves: Sequence[Curve]) -> None:
    if not curves:
        return
    below = [0.0] * len(curves[0].series.values)
    for curve in curves:
        top = [
            low + (value if _is_number(value) else 0.0) for low, value in zip(below, curve.series.values, strict=True)
        ]
        axes.fill_between(curve.series.times, below, top, color=curve.color, alpha=0.35, linewidth=0, zorder=1.5)
        edge = [high if high > low else math.nan for low, high in zip(below, top, strict=True)]  # no line over nothing
        axes.plot(curve.series.times, edge, color=curve.color, linewidth=1.2, zorder=2)
        below = top


def _limits(sheet: Sheet, axes: Axes, panel: Panel, high: float) -> None:
    if (panel.custom.get("thresholdsStyle") or {}).get("mode", "off") == "off":
        return
    for value, color in panel.steps:
        if math.isfinite(value) and value <= high and color != "transparent":
            axes.axhline(value, color=sheet.theme.color(color), linewidth=1, linestyle=(0, (4, 3)), zorder=2)


Item = tuple[str, str, bool]
"""(name, color, dashed)"""


def legend_lines(
    sheet: Sheet, items: Sequence[Item], width: float, *, most: int = MOST_LEGEND_LINES
) -> list[list[Item]]:
    """The items in as many lines as they need, up to `most`; what is left over is counted."""
    lines: list[list[Item]] = [[]]
    used = 0.0
    items = list(dict.fromkeys(items))
    for number, (name, color, dashed) in enumerate(items):
        text = sheet.fit(name, width - 40, LEGEND)
        need = _width(sheet, text)
        if used + need > width and lines[-1]:
            if len(lines) == most:
                lines[-1][-1] = (f"+{len(items) - number + 1} more", sheet.theme.faint, False)
                break
            lines.append([])
            used = 0.0
        lines[-1].append((text, color, dashed))
        used += need
    return [line for line in lines if line]


def draw_legend(sheet: Sheet, x: float, y: float, lines: Sequence[Sequence[Item]]) -> None:
    for number, line in enumerate(lines):
        at = x
        for name, color, dashed in line:
            for part in (
                (Box(at, y - 1.2, 5, 2.4), Box(at + 9, y - 1.2, 5, 2.4)) if dashed else (Box(at, y - 1.5, 14, 3),)
            ):
                sheet.box(Box(part.x, part.y + number * LINE, part.w, part.h), fill=color)
            sheet.text(at + 19, y + number * LINE, name, size=LEGEND)
            at += _width(sheet, name)


def _width(sheet: Sheet, name: str) -> float:
    return sheet.width_of(name, LEGEND) + 35
