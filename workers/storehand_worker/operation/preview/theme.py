"""Colors of Grafana's two themes, its palette, and the font: which letters it has and how wide a text is."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "PingFang SC", "Microsoft YaHei", "SimHei", "Droid Sans Fallback",
)  # fmt: skip
LATIN_FONTS = ("Inter", "Roboto", "Liberation Sans", "Arial", "DejaVu Sans")
"""DejaVu Sans comes with matplotlib: the last is always there."""


@dataclass(frozen=True, slots=True)
class Theme:
    page: str
    panel: str
    border: str
    text: str
    faint: str
    """Of axes and units."""
    lines: str
    """Of the grid."""
    named: dict[str, str]
    palette: Sequence[str]

    def color(self, name: str) -> str:
        """Of a color word as Grafana knows it, or of `#rrggbb`."""
        shade, _, word = name.rpartition("-")
        if name == "text":
            return self.text
        return self.named.get(word, self.palette[5]) if not name.startswith("#") or shade else name


_NAMED = {
    "green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2",
    "purple": "#b877d9",
}  # fmt: skip
_PALETTE = (
    "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#56a64b", "#fade2a", "#c0d8ff",
    "#ff9830", "#ff7383", "#3274d9", "#a352cc", "#96d98d", "#ffee52",
)  # fmt: skip
DARK = Theme("#111217", "#181b1f", "#25282d", "#d5d5e0", "#9a9aa8", "#2a2d33", _NAMED, _PALETTE)
LIGHT = Theme(
    "#f4f5f5", "#ffffff", "#dfe0e2", "#24292e", "#6b6f78", "#e9eaec",
    {**_NAMED, "green": "#37872d", "yellow": "#e0b400", "orange": "#e8700a", "red": "#d6203a", "blue": "#1f60c4"},
    ("#56a64b", "#e0b400", "#3274d9", "#fa6400", "#e02f44", "#1f60c4", "#a352cc", "#37872d", "#f2cc0c", "#8ab8ff",
     "#ff9830", "#c4162a", "#5794f2", "#8f3bb8", "#73bf69", "#ffcb7d"),
)  # fmt: skip
THEMES = {"dark": DARK, "light": LIGHT}


@functools.cache
def families() -> tuple[str, ...]:
    """The fonts to draw with: a Latin one, and a Chinese one where this machine has any."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    chosen = [next(name for name in LATIN_FONTS if name in there)]
    return (*chosen, *[name for name in CHINESE_FONTS if name in there][:1])


@functools.cache
def _fonts() -> tuple[FT2Font, ...]:
    return tuple(FT2Font(font_manager.findfont(name)) for name in families())


@functools.cache
def _has(letter: str) -> bool:
    return any(font.get_char_index(ord(letter)) for font in _fonts())


def drawable(text: str) -> str:
    """The text without letters that no font here has: a title without its Chinese half reads better than boxes."""
    if all(map(_has, text)):
        return text
    kept = "".join(letter if _has(letter) else "\0" for letter in text)
    kept = re.sub(r"\0[\0，、：；。（）]*", "", kept)
    return re.sub(r"\s{2,}", " ", kept).strip(" ·-|/:,")
