"""The whole picture: a headline, the rows, and every panel in its place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from storehand_worker.operation.preview import bands, curves, figures
from storehand_worker.operation.preview.answers import Answer, Filled
from storehand_worker.operation.preview.board import Panel
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.curves import Item, draw_legend
from storehand_worker.operation.preview.theme import THEMES

COLUMN, LINE, GAP = 76.0, 38.0, 4.0
"""Pixels of the grid's column and line, and half of what lies between two panels."""

HEAD = 58.0
MARGIN = 10.0
NO_DATA = "No data"


def draw(filled: Filled, file: Path, *, theme: str = "dark") -> None:
    """Writes the PNG. `theme` is dark or light."""
    height = max((panel.place.y + panel.place.h for panel in filled.board.panels), default=1)
    sheet = Sheet(24 * COLUMN + 2 * MARGIN, HEAD + height * LINE + MARGIN, THEMES[theme])
    _head(sheet, filled)
    for number, panel in enumerate(filled.board.panels):
        place = panel.place
        box = Box(MARGIN + place.x * COLUMN, HEAD + place.y * LINE, place.w * COLUMN, place.h * LINE)
        if panel.kind == "row":
            sheet.text(box.x + 8, box.y + box.h / 2 + 2, panel.title, size=17, bold=True)
            continue
        box = box.inside(left=GAP, top=GAP, right=GAP, bottom=GAP)
        sheet.box(box, fill=sheet.theme.panel, border=sheet.theme.border, round_px=3)
        sheet.text(box.x + 11, box.y + 17, sheet.fit(panel.title, box.w - 22, 13.5, bold=True), size=13.5, bold=True)
        _body(sheet, box.inside(top=30, bottom=6), panel, filled.answers[number], filled)
    sheet.save(file)


def _head(sheet: Sheet, filled: Filled) -> None:
    window = filled.window
    sheet.text(MARGIN + 8, 25, filled.board.title, size=22, bold=True)
    start, end = (time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) for at in (window.start, window.end))
    said = f"{start} to {end[11:] if end[:10] == start[:10] else end}"
    right = MARGIN + 24 * COLUMN - 8
    sheet.text(right, 18, said, size=12.5, color=sheet.theme.faint, across="right")
    items: list[Item] = [(mark.title, sheet.theme.color(mark.color), True) for mark in filled.marks]
    lines = curves.legend_lines(sheet, items, 14 * COLUMN, most=1)
    width = sum(sheet.width_of(name, curves.LEGEND) + 35 for name, _, _ in lines[0]) - 16 if lines else 0
    draw_legend(sheet, right - width, 40, lines)


def _body(sheet: Sheet, box: Box, panel: Panel, answers: Sequence[Answer], filled: Filled) -> None:
    found = [series for answer in answers for series in answer.series]
    if all(series.last is None for series in found):
        refused = next((answer.refused for answer in answers if answer.refused), "")
        said = sheet.fit(refused, box.w - 20, 14) or (NO_DATA if panel.targets else f"not drawn here: {panel.kind}")
        sheet.text(box.x + box.w / 2, box.y + box.h / 2, said, size=14, color=sheet.theme.faint, across="center")
        return
    marked = list(filled.marks)
    match panel.kind:
        case "bargauge" | "gauge" | "piechart":
            figures.draw_bars(sheet, box, panel, answers)
        case "stat" | "singlestat":
            figures.draw_numbers(sheet, box, panel, answers)
        case "table":
            figures.draw_table(sheet, box, panel, answers)
        case "heatmap" if any("le" in series.labels for series in found):
            bands.draw_heat(sheet, box, panel, answers, filled.window, marked)
        case "state-timeline" | "status-history":
            bands.draw_states(sheet, box, panel, answers, filled.window, marked)
        case _:
            curves.draw(sheet, box, panel, answers, filled.window, marked)
