"""Shows a run: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from storehand.bulk.tally import Tally
from storehand.cli.output import console, say, span

_LINE_S = 10.0
_BAR_S = 0.1


class Board:
    """A context manager; knows whether somebody watches. `quiet` says nothing but warnings."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True)
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._next = time.monotonic() + _LINE_S

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            text = TextColumn("{task.description}", markup=False)
            self._bar = Progress(BarColumn(), text, console=self._console, transient=True)
            self._task = self._bar.add_task("reading", total=None)
            self._bar.start()
            self._next = 0.0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if now < self._next or self._quiet:
            return
        if self._bar is not None:
            self._next = now + _BAR_S
            self._bar.update(self._task, completed=tally.settled, total=tally.total, description=progress_line(tally))
        else:
            self._next = now + _LINE_S
            say(progress_line(tally))

    def say(self, text: str) -> None:
        """A warning, also above a bar."""
        if self._bar is not None:
            self._bar.console.print(text, style="yellow", markup=False, highlight=False)
        else:
            say(text)


def progress_line(tally: Tally) -> str:
    """`1,200 of 2,000 rows · 85.1 rows/s · 9.40 s to go · 0 failed`."""
    total = "" if tally.total is None else f" of {tally.total:,}"
    parts = [f"{tally.settled:,}{total} rows", f"{tally.rate:.1f} rows/s"]
    if tally.total is not None and tally.rate > 0 and tally.total > tally.settled:
        parts.append(f"{span((tally.total - tally.settled) / tally.rate)} to go")
    parts.append(f"{tally.failures} failed")
    if tally.rejected:
        parts.append(f"{tally.rejected} rejected")
    return " · ".join(parts)
