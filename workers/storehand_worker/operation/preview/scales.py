"""Axes as Grafana draws them: few lines, times below, values with their unit on the left."""

from __future__ import annotations

import math
import time

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from storehand_worker.operation.preview.answers import Marked
from storehand_worker.operation.preview.canvas import Box, Sheet
from storehand_worker.operation.preview.units import human
from storehand_worker.operation.preview.variables import Window

_LONG_S = (60, 600, 3600, 36000, 864000)
LABEL = 10.5
"""Pixels of the letters at an axis."""

_TIMES_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


def time_axis(sheet: Sheet, axes: Axes, room: Box, window: Window) -> None:
    """Round times below the curves."""
    axes.set_xlim(window.start, window.end)
    most = max(2, int(room.w / 75))
    span = window.end - window.start
    step = next((each for each in _TIMES_S if span / each <= most), _TIMES_S[-1])
    offset = time.localtime(window.start).tm_gmtoff
    first = math.ceil((window.start + offset) / step) * step - offset
    pattern = "%m-%d" if step >= 86400 else "%H:%M:%S" if step < 60 else "%H:%M"
    for tick in range(int(first), int(window.end) + 1, step):
        x = room.x + room.w * (tick - window.start) / span
        axes.axvline(tick, color=sheet.theme.lines, linewidth=0.7, zorder=0)
        if room.x + 12 <= x <= room.x + room.w - 6:
            said = time.strftime(pattern, time.localtime(tick))
            sheet.text(x, room.y + room.h + 11, said, size=LABEL, color=sheet.theme.faint, across="center")


def value_axis(sheet: Sheet, axes: Axes, room: Box, *, low: float, high: float, unit: str, log: bool) -> None:
    """About four lines, each with its value."""
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(NullLocator())  # the lines below are ours
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low, high)
    most = max(2, int(room.h / 34))
    found = log_ticks(low, high, unit=unit) if log else ticks(low, high, most=most, unit=unit)
    for tick in found:
        share = (math.log(tick / low) / math.log(high / low)) if log else (tick - low) / (high - low)
        y = room.y + room.h * (1 - share)
        axes.axhline(tick, color=sheet.theme.lines, linewidth=0.7, zorder=0)
        sheet.text(room.x - 7, y, human(tick, unit), size=LABEL, color=sheet.theme.faint, across="right")


def ticks(low: float, high: float, *, most: int, unit: str = "") -> list[float]:
    """Round values between the two; round for KiB and GiB, and for minutes and hours, where they are counted so."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    if unit == "bytes":
        step = 2.0 ** math.ceil(math.log2(rough))
    elif unit == "s" and rough > 10:
        step = float(next((each for each in _TIMES_S if each >= rough), step))
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, *, unit: str = "") -> list[float]:
    """Powers of ten, or of a hundred where there are many; minutes and hours among seconds."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    found = [10.0**power for power in powers]
    if unit == "s":
        found = [each for each in (*(each for each in found if each <= 10), *_LONG_S) if low <= each <= high]
    return found[:: max(1, math.ceil(len(found) / 5))]


def marks(axes: Axes, sheet: Sheet, marked: list[Marked]) -> None:
    """What was going on: a line where it began, and a shade for as long as it lasted."""
    for mark in marked:
        color = sheet.theme.color(mark.color)
        for start, end in mark.spans:
            axes.axvline(start, color=color, linewidth=1, linestyle=(0, (3, 3)), alpha=0.85, zorder=1)
            if end > start:
                axes.axvspan(start, end, color=color, alpha=0.08, linewidth=0, zorder=0.5)
