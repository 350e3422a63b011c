"""A scatter plot as a small SVG text: points, a line across, two axes. No library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 50, 50
COLOURS = ("#1f6f8b", "#c8553d", "#6b7a3a")
Points = Sequence[tuple[float, float]]


def scatter(title: str, series: Mapping[str, Points], *, x: str, y: str, lines: Mapping[str, float]) -> str:
    """Both axes begin at 0. `lines` are drawn across at their height."""
    points = [each for found in series.values() for each in found]
    most_x = _round_up(max((each[0] for each in points), default=1.0))
    most_y = _round_up(max([*(each[1] for each in points), *lines.values()], default=1.0))

    def at(px: float, py: float) -> tuple[float, float]:
        across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + across * px / most_x, HEIGHT - BOTTOM - up * py / most_y

    parts = [_text(WIDTH / 2, 20, title, "middle", size=15), _text(WIDTH / 2, HEIGHT - 10, x, "middle")]
    parts.append(_text(LEFT, TOP - 8, y, "middle"))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        (left, height), (across, _) = at(0, most_y * share), at(most_x * share, 0)
        parts.append(_line(left, height, WIDTH - RIGHT, height, "#ddd"))
        parts.append(_text(left - 6, height + 4, f"{most_y * share:g}", "end"))
        parts.append(_text(across, HEIGHT - BOTTOM + 16, f"{most_x * share:g}", "middle"))
    for name, value in lines.items():
        height = at(0, value)[1]
        parts += [_line(LEFT, height, WIDTH - RIGHT, height, "#888", dash="5 4")]
        parts += [_text(WIDTH - RIGHT, height - 4, name, "end")]
    for number, (name, found) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += [f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3" fill="{colour}"/>' for cx, cy in (at(*p) for p in found)]
        parts.append(f'<circle cx="{LEFT + 60 + 220 * number}" cy="34" r="4" fill="{colour}"/>')
        parts.append(_text(LEFT + 70 + 220 * number, 38, name, "start"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *parts, "</svg>\n"])


def _round_up(value: float) -> float:
    step = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(step * each for each in (1, 2, 4, 6, 8, 10) if step * each >= value)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "none") -> str:
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="{colour}" stroke-dasharray="{dash}"/>'


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'
