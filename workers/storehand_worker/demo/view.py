"""How the demo is watched: a live screen on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from storehand_worker.demo.board import NAMES, SERVING, TASKS, Answer, Board

_REFRESH_PER_S = 5
_LINE_EVERY_S = 2.0
_PLAIN_ANSWERS = {"chat": 99, "description": 3, "copy": 99, "sentiment": 3, "recommendation": 99}
"""Answers that plain lines show of each task and language; the others are counted."""

_FIXED_LINES = 13
_LINES_PER_TABLE = 4
_LINES_PER_ANSWER = 2
_LANGUAGE = {"zh": "中文", "en": "English"}


class View(Protocol):
    """Told what happens; `answered` comes once per answer, `tick` a few times a second."""

    def answered(self, answer: Answer) -> None: ...
    def tick(self) -> None: ...


class PlainView:
    """Lines: the first answers of each kind and language, and a count every two seconds."""

    def __init__(self, board: Board, out: Console) -> None:
        self._board = board
        self._out = out
        self._shown: dict[tuple[str, str], int] = {}
        self._last_line = time.monotonic()
        self._stage = ""
        self._streamed = 0

    def answered(self, answer: Answer) -> None:
        key = (answer.task, answer.language)
        self._shown[key] = self._shown.get(key, 0) + 1
        if self._shown[key] > _PLAIN_ANSWERS[answer.task]:
            return
        lines = [Text(f"[{answer.task} {answer.language} {answer.latency_s:.2f} s]", style="bold")]
        lines.append(Text(f"  < {_cut(answer.asked, 160)}", style="dim"))
        lines += [Text(f"  > {line}") for each in answer.lines for line in each.splitlines() if line.strip()]
        self._out.print(Text("\n").join(lines))  # in one piece: chats are answered on a thread of their own

    def tick(self) -> None:
        board = self._board
        if board.stage != self._stage:
            self._stage = board.stage
            self._out.print(Text(f"... {board.stage}"))
        self._show_stream()
        if board.stage == SERVING and time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._out.print(Text(f"... {progress_line(board)}"))

    def _show_stream(self) -> None:
        """What has been added to the streamed text since the last look."""
        text = self._board.streamed
        if len(text) <= self._streamed:
            return
        if self._streamed == 0:
            self._out.print(Text(f"[stream / 流式输出] {_cut(self._board.streamed_for, 150)}", style="bold"))
        self._out.print(Text(f"  {self._board.elapsed_s:.2f} s  {' '.join(text[self._streamed :].split())}"))
        self._streamed = len(text)


class LiveView:
    """One screen, redrawn a few times a second."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def answered(self, answer: Answer) -> None:
        """The board has it already."""

    def tick(self) -> None:
        """The screen redraws itself."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        board = self._board
        room = console.height - _FIXED_LINES
        shown = [task for task in TASKS if board.newest(task, 2)]
        while len(shown) > 1 and room // len(shown) < _LINES_PER_TABLE + 2 * _LINES_PER_ANSWER:
            shown.pop()
        rows = max(2, (room // max(1, len(shown)) - _LINES_PER_TABLE) // _LINES_PER_ANSWER)
        with board.lock:
            yield _bars(board)
            yield Text(progress_line(board) if board.stage == SERVING else board.stage, style="cyan")
            title = Text(f"streaming / 流式输出: {_cut(board.streamed_for, 60)}")
            yield Panel(
                Text(_tail(" ".join(board.streamed.split()), 240), overflow="fold"),
                title=title,
                title_align="left",
                height=4,
            )
            for task in shown:
                yield _answers(NAMES[task], board.newest(task, min(8, rows)), options.max_width)


@contextmanager
def watching(board: Board, out: Console, *, is_plain: bool) -> Iterator[View]:
    """The view that fits: live on a terminal unless plain is wanted."""
    if is_plain or not out.is_terminal:
        yield PlainView(board, out)
        return
    view = LiveView(board)
    with Live(view, console=out, refresh_per_second=_REFRESH_PER_S, transient=True):
        yield view


def progress_line(board: Board) -> str:
    """Counts, rates and the engines' fill, on one line."""
    elapsed_s = max(board.elapsed_s, 1e-6)
    parts = [
        f"{elapsed_s:.0f} s",
        *(f"{task} {board.done[task]}/{total}" for task, total in board.totals.items()),
        f"queue {board.scrape.total('storehand_queue_depth', state='ready'):.0f}",
        f"lane {board.scrape.total('storehand_waiting'):.0f}",
        f"running {board.scrape.total('storehand_running'):.0f}",
    ]
    fill = board.scrape.mean("storehand_batch_fill_ratio", phase="decode")
    if fill is not None:
        tokens = board.scrape.total("storehand_tokens_total", kind="output")
        parts += [f"batch fill {fill:.0%}", f"{tokens:.0f} tokens written"]
    return "  ".join(parts)


def _bars(board: Board) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, justify="right")
    for task, total in board.totals.items():
        done = board.done[task]
        table.add_row(NAMES[task], ProgressBar(total=total, completed=done), f"{done}/{total}")
    return table


def _answers(title: str, answers: list[Answer], width: int) -> Table:
    """Inputs beside answers, each at most `_LINES_PER_ANSWER` lines high."""
    table = Table(title=title, title_justify="left", title_style="bold", expand=True, box=SIMPLE_HEAD)
    table.add_column("", width=7, no_wrap=True)
    table.add_column("asked / 输入", ratio=2, overflow="fold")
    table.add_column("answered / 输出", ratio=3, overflow="fold")
    cells = (width - 16) * (_LINES_PER_ANSWER - 0.4) / 5  # per fifth of the width; a little less, for words that wrap
    for answer in answers:
        asked = Text(_cut(answer.asked, int(2 * cells)), style="dim")
        answered = Text(_cut(" ".join(answer.lines), int(3 * cells)))
        table.add_row(_LANGUAGE.get(answer.language, answer.language), asked, answered)
    return table


def _cut(text: str, cells: int) -> str:
    """One line of at most so many columns; a Chinese character takes two."""
    flat = " ".join(text.split())
    return flat if cell_len(flat) <= cells else f"{set_cell_size(flat, cells - 1).rstrip()}…"


def _tail(text: str, length: int) -> str:
    return text if len(text) <= length else f"…{text[1 - length :]}"
