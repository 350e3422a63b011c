"""A whole dashboard: what is chosen above it, what is marked in it, where it leads, and its rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from storehand_worker.operation.dashboards.panels import DATASOURCE, Panel
from storehand_worker.operation.dashboards.promql import PLACE, POOL, firing, of

TAG = "storehand"
ALL = model.VariableOption(text="All", value="$__all", selected=True)

OURS = '__name__=~"storehand_info|storehand_pool_slots"'
"""A worker or an exporter: whichever is there says which namespaces, releases and pools there are."""


@dataclass(frozen=True, slots=True)
class Row:
    """A headline and the panels below it, left to right, in lines of 24 columns."""

    title: str
    panels: Sequence[Panel]


def page(uid: str, title: str, about: str, *, by: str, metric: str, rows: Iterable[Row]) -> str:
    """The dashboard as JSON, always the same for the same code. `by` is the label that is chosen beside the place and
    the pool; its values are those of `metric`."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in _variables(by, metric):
        made.with_variable(variable)
    for mark in _marks():
        made.annotation(mark)
    for link in _links():
        made.link(link)
    for row in rows:
        made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made.with_panel(panel)
    built = made.build()
    for number, each in enumerate(built.panels or (), 1):
        each.id_val = number
    text = json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(built)), indent=2, sort_keys=True)
    return text + "\n"


def _variables(by: str, metric: str) -> list[dashboard.QueryVariable]:
    asked = {
        "namespace": of("", OURS),
        "release": of("", OURS, 'namespace=~"$namespace"'),
        "pool": of("", OURS, PLACE),
        by: of(metric, POOL),
    }
    return [
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(DATASOURCE)
        .query(f"label_values({place}, {name})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(ALL)
        for name, place in asked.items()
    ]


def _marks() -> list[dashboard.AnnotationQuery]:
    """Pages, deploys and model changes: what most often stands behind a bend in a line."""
    info, loads = of("storehand_info", POOL), of("storehand_model_load_seconds", POOL)
    return [
        _mark("Page", f"max by (alertname) ({firing('page')})", "{{alertname}}", "red"),
        _mark("Worker drains", f"sum by (pool) ({of('storehand_draining', POOL)}) > 0", "{{pool}} drains", "orange"),
        _mark("New version", _new("version", info), "version {{version}}", "purple"),
        _mark("New model", _new("model", loads), "model {{model}}", "blue"),
    ]


def _new(label: str, series: str) -> str:
    """1 for what is there now and was not 10 minutes ago; nothing where no series is that old."""
    earlier = f"{series} offset 10m"
    return f"count by ({label}) ({series}) unless count by ({label}) ({earlier}) and on () count({earlier})"


def _mark(name: str, expr: str, title: str, color: str) -> dashboard.AnnotationQuery:
    query = prometheus.Dataquery().datasource(DATASOURCE).expr(expr).legend_format(title).range().ref_id("Anno")
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(color)
        .expr(expr)
        .title_format(title)
        .step("15s")
        .target(query)
    )


def _links() -> list[dashboard.DashboardLink]:
    boards = dashboard.DashboardLink("Storehand dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    alerts = dashboard.DashboardLink("Alerts and runbooks").type(model.DashboardLinkType.LINK).icon("bell")
    return [
        boards.include_vars(True).keep_time(True).as_dropdown(False),
        alerts.url("/alerting/list?queryString=Storehand").tooltip("Every alert names its runbook (docs/runbooks)"),
    ]
