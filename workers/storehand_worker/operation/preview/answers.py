"""What Prometheus says to each panel's queries, under the names that its legend shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storehand.errors import InvalidInput
from storehand_worker.operation.dashboards.foreign import OPTIONAL
from storehand_worker.operation.preview.board import Board, Panel, Target
from storehand_worker.operation.preview.source import Prometheus, Series
from storehand_worker.operation.preview.variables import Window, chosen, filled

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Answer:
    """To one query of a panel."""

    target: Target
    expr: str
    """As it was asked: nothing of Grafana's left in it."""
    series: Sequence[Series]
    refused: str = ""
    """Why Prometheus did not take the query."""

    @property
    def may_be_empty(self) -> bool:
        """It asks for what only some installations have: Kubernetes, KEDA, an accelerator."""
        return any(name in self.expr for name in OPTIONAL)


@dataclass(frozen=True, slots=True)
class Marked:
    """When something that is marked was so: (start, end) in epoch seconds."""

    title: str
    color: str
    spans: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A dashboard with its answers, ready to be drawn."""

    board: Board
    window: Window
    answers: Mapping[int, Sequence[Answer]]
    """By the panel's place in the board."""
    marks: Sequence[Marked]

    def empty(self) -> list[tuple[Panel, Answer]]:
        """Every query that nothing came back for."""
        return [
            (self.board.panels[number], answer)
            for number, answers in self.answers.items()
            for answer in answers
            if not answer.series
        ]


def ask(board: Board, prometheus: Prometheus, window: Window, given: Mapping[str, Sequence[str]]) -> Filled:
    """Everything the board asks. Unavailable where Prometheus is not there; what it refuses has no answer."""

    def values(label: str, selector: str) -> Sequence[str]:
        return prometheus.label_values(label, selector, start=window.start, end=window.end)

    known = chosen(board.variables, given, values, window.builtins())
    answers = {
        number: [_answer(target, prometheus, window, known) for target in panel.targets]
        for number, panel in enumerate(board.panels)
    }
    marks = [
        Marked(name, mark.color, spans)
        for mark in board.marks
        for name, spans in _spans(_answer(Target("", mark.expr, mark.title, False), prometheus, window, known), window)
    ]
    return Filled(board, window, answers, marks)


def _answer(target: Target, prometheus: Prometheus, window: Window, known: Mapping[str, str]) -> Answer:
    expr = filled(target.expr, known)
    try:
        found = (
            prometheus.query(expr, at=window.end)
            if target.instant
            else prometheus.query_range(expr, start=window.start, end=window.end, step_s=window.step_s)
        )
    except InvalidInput as error:  # one broken panel must not cost the others
        return Answer(target, expr, (), error.message)
    named = [replace(series, name=legend(target.legend, series.labels)) for series in found]
    return Answer(target, expr, sorted(named, key=lambda series: series.name))


def legend(pattern: str, labels: Mapping[str, str]) -> str:
    """`{{pool}} ready` -> `chat ready`; labels that are absent leave no gap."""
    if not pattern:
        return ", ".join(value for name, value in labels.items() if name != "__name__") or labels.get("__name__", "")
    return " ".join(_LABEL.sub(lambda match: labels.get(match[1], ""), pattern).split())


def _spans(answer: Answer, window: Window) -> list[tuple[str, list[tuple[float, float]]]]:
    """When each series was above 0; what was so from the first moment began before."""
    found = []
    for series in answer.series:
        spans: list[tuple[float, float]] = []
        for time, value in zip(series.times, series.values, strict=True):
            if not value > 0:
                continue
            if spans and time - spans[-1][1] <= window.step_s * 1.5:
                spans[-1] = (spans[-1][0], time)
            else:
                spans.append((time, time))
        inside = [span for span in spans if span[0] > window.start]
        if inside:
            found.append((series.name, inside))
    return found
