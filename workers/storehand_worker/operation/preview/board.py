"""A dashboard as it is read from its JSON: panels with their place, queries and looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storehand.errors import InvalidInput
from storehand_worker.operation.dashboards import DASHBOARDS


@dataclass(frozen=True, slots=True)
class Target:
    ref: str
    expr: str
    legend: str
    instant: bool


@dataclass(frozen=True, slots=True)
class Place:
    """In Grafana's grid of 24 columns; y and h in its lines."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, or the headline of a row (`kind` is row)."""

    title: str
    kind: str
    place: Place
    targets: Sequence[Target] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    transformations: Sequence[Mapping[str, Any]] = ()

    @property
    def unit(self) -> str:
        return str(self.defaults.get("unit") or "short")

    @property
    def custom(self) -> Mapping[str, Any]:
        """The looks that only this kind of panel has."""
        found: Mapping[str, Any] = self.defaults.get("custom") or {}
        return found

    @property
    def steps(self) -> list[tuple[float, str]]:
        """(from this value on, color), lowest first."""
        said = (self.defaults.get("thresholds") or {}).get("steps") or []
        return [(float("-inf") if each.get("value") is None else float(each["value"]), each["color"]) for each in said]

    def property_of(self, what: str, *, name: str, ref: str = "") -> Any:
        """A look that an override gives to the series with this legend or of this query; None where none does."""
        found = None
        for override in self.overrides:
            matcher = override.get("matcher") or {}
            if (matcher.get("id"), matcher.get("options")) in (("byName", name), ("byFrameRefID", ref)):
                found = next((each["value"] for each in override["properties"] if each["id"] == what), found)
        return found


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be marked in all panels: an annotation."""

    name: str
    expr: str
    title: str
    color: str


@dataclass(frozen=True, slots=True)
class Board:
    title: str
    panels: Sequence[Panel]
    variables: Sequence[Mapping[str, Any]]
    marks: Sequence[Mark]

    def rows(self, wanted: Sequence[str]) -> Board:
        """Only the rows in whose headline one of these words is, moved up. InvalidInput where there is none."""
        kept: list[Panel] = []
        taken, inside, line = 0, False, 0
        for panel in self.panels:
            if panel.kind == "row":
                inside = any(word.lower() in panel.title.lower() for word in wanted)
                line, taken = panel.place.y, _height(kept)
            if inside:
                kept.append(replace(panel, place=replace(panel.place, y=panel.place.y - line + taken)))
        if not kept:
            rows = ", ".join(repr(panel.title) for panel in self.panels if panel.kind == "row")
            raise InvalidInput(f"no row of {self.title!r} is named {' or '.join(wanted)}; it has {rows or 'none'}")
        return replace(self, panels=kept)


def read(name: str) -> Board:
    """One of ours by its name, or any file with a dashboard's JSON."""
    if name in DASHBOARDS:
        return parse(DASHBOARDS[name]())
    try:
        return parse(Path(name).expanduser().read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name} is none of {', '.join(DASHBOARDS)}, nor a file: {error}") from None


def parse(text: str) -> Board:
    """A dashboard in Grafana's classic JSON; also as its API wraps it. InvalidInput for anything else."""
    try:
        document = json.loads(text)
        document = document.get("dashboard", document)
        panels = sorted(_panels(document["panels"]), key=lambda panel: (panel.place.y, panel.place.x))
        marks = [_mark(each) for each in (document.get("annotations") or {}).get("list") or [] if each.get("enable")]
        variables = (document.get("templating") or {}).get("list") or []
        return Board(str(document.get("title", "")), panels, variables, [mark for mark in marks if mark.expr])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"this is no dashboard in Grafana's classic JSON ({error!r})") from None


def _panels(said: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    """All of them; a row that is closed is opened, and what is below it moves down."""
    moved = 0
    for each in sorted(said, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        yield _panel(each, moved)
        inner = [_panel(below, moved) for below in each.get("panels") or []]
        yield from inner
        if inner:
            moved += _height(inner) - (each["gridPos"]["y"] + moved + 1)


def _panel(said: Mapping[str, Any], moved: int) -> Panel:
    at, looks = said["gridPos"], said.get("fieldConfig") or {}
    return Panel(
        title=str(said.get("title", "")),
        kind=str(said["type"]),
        place=Place(at["x"], at["y"] + moved, at["w"], at["h"]),
        targets=[_target(each) for each in said.get("targets") or [] if each.get("expr") and not each.get("hide")],
        defaults=looks.get("defaults") or {},
        overrides=looks.get("overrides") or [],
        options=said.get("options") or {},
        transformations=said.get("transformations") or [],
    )


def _target(said: Mapping[str, Any]) -> Target:
    legend = str(said.get("legendFormat") or "")
    instant = bool(said.get("instant")) and not said.get("range")
    return Target(str(said.get("refId", "A")), str(said["expr"]), "" if legend == "__auto" else legend, instant)


def _mark(said: Mapping[str, Any]) -> Mark:
    expr = said.get("expr") or (said.get("target") or {}).get("expr") or ""
    return Mark(said.get("name", ""), str(expr), said.get("titleFormat", ""), said.get("iconColor", "blue"))


def _height(panels: Sequence[Panel]) -> int:
    return max((panel.place.y + panel.place.h for panel in panels), default=0)
