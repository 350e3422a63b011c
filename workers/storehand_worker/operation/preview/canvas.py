"""A sheet that is measured in pixels from its upper left corner, on matplotlib and without a window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.transforms import IdentityTransform

from storehand_worker.operation.preview.theme import Theme, drawable, families

DPI = 100
POINT = DPI / 72


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels; y grows downwards."""

    x: float
    y: float
    w: float
    h: float

    def inside(self, *, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> Box:
        return Box(self.x + left, self.y + top, max(self.w - left - right, 1), max(self.h - top - bottom, 1))


class Sheet:
    """Text sizes are in pixels, too."""

    def __init__(self, width: float, height: float, theme: Theme) -> None:
        self.theme = theme
        self._width, self._height = width, height
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=theme.page)
        self._canvas = FigureCanvasAgg(self._figure)
        self._renderer = self._canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib is typed in parts

    def box(self, box: Box, *, fill: str, border: str | None = None, round_px: float = 0) -> None:
        corner = (box.x, self._height - box.y - box.h)
        style = f"round,pad=0,rounding_size={round_px}" if round_px else "square,pad=0"
        shape = FancyBboxPatch(corner, box.w, box.h, boxstyle=style, transform=IdentityTransform())
        shape.set(facecolor=fill, edgecolor=border or fill, linewidth=0.8 if border else 0, zorder=-1)
        self._figure.add_artist(shape)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        color: str = "",
        bold: bool = False,
        across: Literal["left", "center", "right"] = "left",
    ) -> None:
        """Its middle line is at y."""
        self._figure.text(
            *self._at(x, y), drawable(text), fontproperties=_font(size, bold), color=color or self.theme.text,
            ha=across, va="center_baseline", parse_math=False,
        )  # fmt: skip

    def width_of(self, text: str, size: float, *, bold: bool = False) -> float:
        return float(self._renderer.get_text_width_height_descent(drawable(text), _font(size, bold), False)[0])

    def fit(self, text: str, width: float, size: float, *, bold: bool = False) -> str:
        """As much of the text as there is room for."""
        text = drawable(text)
        if self.width_of(text, size, bold=bold) <= width:
            return text
        while text and self.width_of(text + "…", size, bold=bold) > width:
            text = text[:-1]
        return text.rstrip() + "…"

    def axes(self, box: Box) -> Axes:
        """Room for curves, without any decoration of matplotlib's own."""
        x, y = self._at(box.x, box.y + box.h)
        axes = self._figure.add_axes((x, y, box.w / self._width, box.h / self._height))
        axes.set_facecolor("none")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def save(self, file: Path) -> None:
        self._figure.savefig(file, format="png", facecolor=self.theme.page, metadata={"Software": "storehand preview"})

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return x / self._width, 1 - y / self._height


def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family=list(families()), size=size / POINT, weight="bold" if bold else "normal")
