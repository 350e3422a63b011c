"""Panels of single values: bars against a scale, large numbers, tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from storehand_worker.operation.preview.answers import Answer
from storehand_worker.operation.preview.board import Panel
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.source import Series
from storehand_worker.operation.preview.units import human

MOST_BARS = 10
T = TypeVar("T")


def draw_bars(sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer]) -> None:
    """Grafana's bar gauge."""
    found, more = kept(_latest(answers), MOST_BARS)
    high = float(
        panel.defaults.get("max") or max((value for _, value in found if math.isfinite(value)), default=1) or 1
    )
    widest = min(max(sheet.width_of(series.name, 12) for series, _ in found) + 18, box.w * 0.42)
    lines = len(found) + bool(more)
    line = min(box.h / lines, 44.0)
    top = box.y + (box.h - line * lines) / 2
    for number, (series, value) in enumerate(found):
        middle = top + line * (number + 0.5)
        color = sheet.theme.color(_step(panel, value))
        sheet.text(box.x + 12, middle, sheet.fit(series.name, widest - 14, 12), size=12)
        track = Box(box.x + 8 + widest, middle - line * 0.3, box.w - widest - 86, line * 0.6)
        sheet.box(track, fill=sheet.theme.lines, round_px=2)
        if value > 0:
            share = min(value / high, 1.0)
            sheet.box(Box(track.x, track.y, max(track.w * share, 3), track.h), fill=color, round_px=2)
        said = human(value, panel.unit)
        sheet.text(box.x + box.w - 12, middle, said, size=14, color=color, bold=True, across="right")
    sheet.text(box.x + 12, top + line * (lines - 0.5), more, size=12, color=sheet.theme.faint)


def draw_numbers(sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer]) -> None:
    """Grafana's stat: each value beside the others, over its own past."""
    found, more = kept(_latest(answers), MOST_BARS)
    width = box.w / (len(found) + bool(more))
    for number, (series, value) in enumerate(found):
        place = Box(box.x + width * number, box.y, width, box.h)
        color = sheet.theme.color(_step(panel, value))
        _past(sheet, Box(place.x + 4, place.y + place.h * 0.62, place.w - 8, place.h * 0.34), series, color)
        said = human(value, panel.unit)
        size = min(46.0, box.h * 0.34, 46.0 * (place.w - 24) / max(sheet.width_of(said, 46, bold=True), 1))
        y = place.y + place.h * (0.42 if len(found) == 1 else 0.46)
        sheet.text(place.x + place.w / 2, y, said, size=size, color=color, bold=True, across="center")
        if len(found) > 1:
            name = sheet.fit(series.name, place.w - 16, 12)
            sheet.text(place.x + place.w / 2, place.y + 14, name, size=12, across="center")
    middle = box.x + width * (len(found) + 0.5)
    sheet.text(middle, box.y + box.h * 0.46, more, size=12, color=sheet.theme.faint, across="center")


def draw_table(sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer]) -> None:
    """Grafana's table: one row for each set of labels, one column for each label and each query."""
    header, rows = joined_rows(panel, answers)
    line = min(30.0, box.h / (len(rows) + 1))
    widths = [
        max(sheet.width_of(str(each), 12, bold=True) for each in column) + 28
        for column in zip(header, *rows, strict=True)
    ]
    spare = (box.w - 16 - sum(widths)) / len(widths)
    for number, row in enumerate([header, *rows]):
        y, x = box.y + line * (number + 0.5), box.x + 8
        if number % 2 == 0 and number:
            sheet.box(Box(box.x + 6, y - line / 2, box.w - 12, line), fill=sheet.theme.page)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = width + spare
            said = sheet.fit(cell, room - 10, 12)
            color = sheet.theme.color("blue") if number == 0 else sheet.theme.text
            sheet.text(x + 8 if place == 0 else x + room - 12, y, said, size=12, color=color, bold=number == 0,
                       across="left" if place == 0 else "right")  # fmt: skip
            x += room
    sheet.box(Box(box.x + 8, box.y + line, box.w - 16, 1), fill=sheet.theme.border)


def joined_rows(panel: Panel, answers: Sequence[Answer]) -> tuple[list[str], list[list[str]]]:
    """Header and cells, after the transformations that our tables use: merge, and organize's order and names."""
    organize: Mapping[str, Mapping[str, object]] = next(
        (each["options"] for each in panel.transformations if each.get("id") == "organize"), {}
    )
    hidden, names = organize.get("excludeByName", {}), organize.get("renameByName", {})
    order = organize.get("indexByName", {})
    keys = dict.fromkeys(label for answer in answers for series in answer.series for label in series.labels)
    columns = [*keys, *(f"Value #{answer.target.ref}" for answer in answers)]
    columns = sorted((each for each in columns if not hidden.get(each)), key=lambda each: int(str(order.get(each, 99))))
    cells: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for answer in answers:
        column = f"Value #{answer.target.ref}"
        heading = str(names.get(column, column))
        unit = panel.property_of("unit", name=heading) or panel.unit
        for series in answer.series:
            row = cells.setdefault(tuple(sorted(series.labels.items())), dict(series.labels))
            row[column] = human(series.last if series.last is not None else math.nan, unit)
    header = [str(names.get(each, each)) for each in columns]
    return header, [[row.get(each, "") for each in columns] for _, row in sorted(cells.items())]


def kept(found: Sequence[T], most: int) -> tuple[Sequence[T], str]:
    """As many as there is room for, and what stands for the others: `+26 more`, or nothing."""
    if len(found) <= most:
        return found, ""
    return found[: most - 1], f"+{len(found) - most + 1} more"


def _latest(answers: Sequence[Answer]) -> list[tuple[Series, float]]:
    return [(series, series.last) for answer in answers for series in answer.series if series.last is not None]


def _step(panel: Panel, value: float) -> str:
    """The color of the highest threshold that is reached."""
    return next((color for start, color in reversed(panel.steps) if value >= start), "text")


def _past(sheet: Sheet, room: Box, series: Series, color: str) -> None:
    values = [value for value in series.values if math.isfinite(value)]
    if len(values) < 2:
        return
    axes = sheet.axes(room)
    low, high = min(values), max(values)
    axes.set(xlim=(series.times[0], series.times[-1]), ylim=(low - (high - low or 1) * 0.1, high + (high - low or 1)))
    axes.plot(series.times, series.values, color=color, linewidth=1.2)
    axes.fill_between(series.times, series.values, axes.get_ylim()[0], color=color, alpha=0.15, linewidth=0)
