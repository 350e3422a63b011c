"""What the commands print: data on stdout, words on stderr, colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 2000
"""Columns when nobody watches: no cell is folded, so that `grep` and `cut` see whole lines."""


def console(*, stderr: bool = False) -> Console:
    """A console on today's stdout or stderr."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def say(text: str, *, style: str = "") -> None:
    """One line for people, on stderr."""
    console(stderr=True).print(Text(text, style=style), soft_wrap=True)


def print_json(data: Any) -> None:
    """One indented JSON document."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def print_json_line(data: Any) -> None:
    """One document on one line, flushed at once."""
    typer.echo(json.dumps(data, ensure_ascii=False))


def span(seconds: float | None) -> str:
    """Seconds for people: `0.21 s`, `12 s`, `3 min`, `5.2 h`, `4.0 d`."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2f} s"


def size(size_bytes: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str | None = None) -> None:
    """A table for people; on a pipe one unfolded line per row."""
    out = console()
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))  # no markup: it may be data
    out.print(table)
