"""Our panels: few kinds, each with the looks that all of its kind share."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heat_looks
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from storehand_worker.operation.dashboards.promql import quantile

HEIGHT = 7
DATASOURCE = looks.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Whatever the reader chooses: no dashboard of ours knows a data source by its name."""

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = "green", "yellow", "orange", "red", "blue", "purple", "#8e8e99"
OUTCOMES = {"good": GREEN, "late": ORANGE, "failed": RED}
PRIORITIES = {"interactive": BLUE, "standard": YELLOW, "bulk": PURPLE}

Panel = timeseries.Panel | stat.Panel | bargauge.Panel | tables.Panel | heatmap.Panel | statetimeline.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel, tables.Panel, heatmap.Panel, statetimeline.Panel)
Steps = Sequence[tuple[float | None, str]]
"""(from this value on, color); the first is None."""


@dataclass(frozen=True, slots=True)
class Query:
    """`plan`: what was promised or allowed, not what is; drawn as a dashed line."""

    expr: str
    legend: str = ""
    plan: bool = False


def quantiles(histogram: str, *matchers: str, shares: Sequence[float] = (0.5, 0.95)) -> list[Query]:
    """A line for each share, of all workers together."""
    return [Query(quantile(share, histogram, *matchers), f"p{share * 100:g}") for share in shares]


def lines(
    title: str,
    about: str,
    queries: Sequence[Query],
    *,
    unit: str,
    width: int = 8,
    stacked: bool = False,
    log: bool = False,
    colors: Mapping[str, str] | None = None,
    limits: Steps = (),
    highest: float | None = None,
) -> timeseries.Panel:
    """Values over time. `stacked`: parts of a whole. `limits` are drawn as lines."""
    panel = _common(timeseries.Panel(), title, about, unit=unit, width=width)
    for target in _targets(queries):
        panel.with_target(target)
    panel.line_width(1.5).fill_opacity(35 if stacked else 8).show_points(looks.VisibilityMode.NEVER)
    panel.span_nulls(False).axis_soft_min(0).color_scheme(_classic()).tooltip(
        common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
    )
    panel.legend(
        common.VizLegendOptions()
        .display_mode(looks.LegendDisplayMode.LIST)
        .placement(looks.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL).group("A"))
    if log:
        panel.scale_distribution(common.ScaleDistributionConfig().type(looks.ScaleDistribution.LOG).log(10))
    if highest is not None:
        panel.axis_soft_max(highest)
    if limits:
        panel.thresholds(_steps(limits)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
        )
    for letter, query in zip(string.ascii_uppercase, queries, strict=False):
        if query.plan:
            panel.override_by_query(letter, _dashed(stacked))
    for name, color in (colors or {}).items():
        panel.override_by_name(name, [_color(color)])
    return panel


def bars(
    title: str, about: str, queries: Sequence[Query], *, unit: str, steps: Steps, highest: float, width: int = 8
) -> bargauge.Panel:
    """The last value of each series, against a scale that everybody knows."""
    panel = _common(bargauge.Panel(), title, about, unit=unit, width=width)
    for target in _targets(queries):
        panel.with_target(target)
    return (
        panel.orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .reduce_options(_last())
        .thresholds(_steps(steps))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .min(0)
        .max(highest)
    )


def numbers(title: str, about: str, queries: Sequence[Query], *, unit: str, steps: Steps, width: int = 4) -> stat.Panel:
    """The last value of each series, large, over a small line of where it comes from."""
    panel = _common(stat.Panel(), title, about, unit=unit, width=width)
    for target in _targets(queries):
        panel.with_target(target)
    return (
        panel.reduce_options(_last())
        .graph_mode(looks.BigValueGraphMode.AREA)
        .color_mode(looks.BigValueColorMode.VALUE)
        .text_mode(looks.BigValueTextMode.AUTO)
        .thresholds(_steps(steps))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


def states(
    title: str, about: str, queries: Sequence[Query], *, words: Mapping[str, tuple[str, str]], width: int = 8
) -> statetimeline.Panel:
    """When was what. `words`: value -> (word, color)."""
    panel = _common(statetimeline.Panel(), title, about, unit="short", width=width)
    for target in _targets(queries):
        panel.with_target(target)
    results = {
        value: model.ValueMappingResult(text=word, color=color, index=number)
        for number, (value, (word, color)) in enumerate(words.items())
    }
    return (
        panel.mappings([model.ValueMap(options=results)])
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .show_value(looks.VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(common.VizLegendOptions().show_legend(True).display_mode(looks.LegendDisplayMode.LIST))
    )


def heat(title: str, about: str, buckets: str, *, unit: str, width: int = 8) -> heatmap.Panel:
    """A histogram over time; `buckets` are rates by `le`."""
    panel = _common(heatmap.Panel(), title, about, unit="short", width=width)
    panel.with_target(
        prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(buckets)
        .legend_format("{{le}}")
        .format(PromQueryFormat.HEATMAP)
        .range()
        .ref_id("A")
    )
    return (
        panel.calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heat_looks.HeatmapColorMode.SCHEME)
            .scheme("Blues")
            .steps(64)
            .fill("blue")
        )
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .cell_gap(1)
        .hide_legend()
    )


def table(
    title: str,
    about: str,
    columns: Mapping[str, tuple[str, str]],
    *,
    key: str,
    width: int = 24,
    height: int = HEIGHT,
) -> tables.Panel:
    """One row for each value of the label `key`. columns: heading -> (expression by that label, unit)."""
    panel = _common(tables.Panel(), title, about, unit="short", width=width).height(height)
    names = dict(zip(columns, string.ascii_uppercase, strict=False))
    for heading, (expr, unit) in columns.items():
        panel.with_target(_query(Query(expr), names[heading]).instant().format(PromQueryFormat.TABLE))
        panel.override_by_name(heading, [model.DynamicConfigValue(id_val="unit", value=unit)])
    options = {
        "excludeByName": {"Time": True},
        "indexByName": {key: 0, **{f"Value #{letter}": place for place, letter in enumerate(names.values(), 1)}},
        "renameByName": {f"Value #{letter}": heading for heading, letter in names.items()},
    }
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    return panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=options))


def _common(panel: P, title: str, about: str, *, unit: str, width: int) -> P:
    return panel.title(title).description(about).unit(unit).datasource(DATASOURCE).height(HEIGHT).span(width)


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [_query(query, letter).range() for letter, query in zip(string.ascii_uppercase, queries, strict=False)]


def _query(query: Query, letter: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().datasource(DATASOURCE).expr(query.expr).ref_id(letter)
    return made.legend_format(query.legend) if query.legend else made


def _classic() -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _steps(steps: Steps) -> dashboard.ThresholdsConfig:
    found = [model.Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def _color(color: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})


def _dashed(stacked: bool) -> list[model.DynamicConfigValue]:
    said: dict[str, object] = {
        "color": {"mode": "fixed", "fixedColor": GREY},
        "custom.lineStyle": {"fill": "dash", "dash": [8, 6]},
        "custom.fillOpacity": 0,
    }
    if stacked:
        said["custom.stacking"] = {"mode": "none", "group": "plan"}
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in said.items()]
