"""What every dashboard must be, as checks over its JSON; Grafana's own linter has most of these rules, too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import promql_parser as promql

from storehand_worker.exporter import series as exported
from storehand_worker.operation.dashboards.foreign import FOREIGN
from storehand_worker.operation.preview.variables import Window, filled

ROOT = Path(__file__).parents[2]
KINDS = frozenset({"timeseries", "stat", "bargauge", "table", "heatmap", "state-timeline"})
"""What `storehand preview` draws."""

WINDOWS = ("$__rate_interval", "$__range")
OVER_TIME = frozenset({"rate", "increase", "irate", "resets", "changes"})
HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")
POOLLESS = frozenset(
    each.full_name
    for each in vars(exported).values()
    if isinstance(each, exported.Series) and "pool" not in each.labels
)
"""What an exporter tells of a whole release."""

ALL = {**Window(0, 3600, 15).builtins(), **dict.fromkeys(("namespace", "release", "pool", "task", "model"), ".*")}
"""Every variable as All would fill it in."""

Document = Mapping[str, Any]
Check = Callable[[Document], Iterator[str]]


def problems(document: Document) -> list[str]:
    """Everything that is wrong, each in a sentence that begins with its check's name."""
    return [f"{check.__name__.strip('_')}: {found}" for check in CHECKS for found in check(document)]


def panels(document: Document) -> list[Mapping[str, Any]]:
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def queries(document: Document) -> Iterator[tuple[str, str]]:
    """(where, expression) of panels and annotations."""
    for panel in panels(document):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for mark in document["annotations"]["list"]:
        yield mark["name"], mark["expr"]


def known_metrics() -> frozenset[str]:
    """Every series that the worker, the exporter and the recording rules make, and what we take from others."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")  # a unit test holds it against the worker's registry
    worker = {
        name
        for metric, kind in re.findall(r"^\| `(storehand\w*)` \| (\w+) \|", page, re.MULTILINE)
        for name in ([metric + part for part in HISTOGRAM_PARTS] if kind == "histogram" else [metric])
    }
    exporter = {each.full_name for each in vars(exported).values() if isinstance(each, exported.Series)}
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "helm/rules").glob("*.yaml"))
    return frozenset(worker | exporter | set(re.findall(r"record: (\S+)", rules)) | FOREIGN)


def selectors(expr: str) -> Iterator[tuple[str, Mapping[str, str], str | None]]:
    """(metric, matchers, the function its range goes into) of every selector."""
    found: list[tuple[str, Mapping[str, str], str | None]] = []
    _walk(promql.parse(filled(expr, ALL)), None, found)
    yield from found


def _walk(node: Any, function: str | None, found: list[tuple[str, Mapping[str, str], str | None]]) -> None:
    if isinstance(node, promql.VectorSelector):
        found.append((node.name or "", {each.name: each.value for each in node.matchers.matchers}, function))
    elif isinstance(node, promql.MatrixSelector):
        _walk(node.vector_selector, function, found)
    elif isinstance(node, promql.Call):
        for argument in node.args:
            _walk(argument, node.func.name, found)
    else:
        for part in ("expr", "lhs", "rhs", "param"):
            if isinstance(below := getattr(node, part, None), promql.Expr):
                _walk(below, function, found)


# The checks


def _head(document: Document) -> Iterator[str]:
    if document.get("editable") is not False:
        yield "it can be edited, and the next release would overwrite that"
    if not re.fullmatch(r"storehand-[a-z]+", document.get("uid", "")):
        yield "no uid of ours: links to it would break"
    if "storehand" not in document.get("tags", ()):
        yield "without the tag the others do not link to it"
    if document.get("schemaVersion", 0) < 36 or document.get("id") is not None:
        yield "a schema that Grafana would migrate, or a number of somebody's database"


def _datasource(document: Document) -> Iterator[str]:
    variables = document["templating"]["list"]
    if [each["name"] for each in variables if each["type"] == "datasource"] != ["datasource"]:
        yield "not exactly one variable for the data source"
    asked = [*variables, *panels(document), *(t for panel in panels(document) for t in panel["targets"])]
    for each in [*asked, *document["annotations"]["list"]]:
        if each.get("type") != "datasource" and (each.get("datasource") or {}).get("uid") != "${datasource}":
            yield f"{each.get('title') or each.get('name') or each.get('expr')} names another data source"


def _choices(document: Document) -> Iterator[str]:
    chosen = [each for each in document["templating"]["list"] if each["type"] == "query"]
    if [each["name"] for each in chosen[:3]] != ["namespace", "release", "pool"]:
        yield "namespace, release and pool can't be chosen"
    for each in chosen:
        if not (each["includeAll"] and each["multi"] and each["allValue"] == ".*"):
            yield f"{each['name']}: All must match series without the label"


def _words(document: Document) -> Iterator[str]:
    for panel in panels(document):
        if not panel.get("title"):
            yield f"panel {panel['id']} has no title"
        about = panel.get("description", "")
        if not re.search(r"[a-z]{3}", about) or not re.search(r"[\u4e00-\u9fff]", about):
            yield f"{panel.get('title')}: no description in both languages"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"{panel.get('title')}: no unit"
        for target in panel["targets"]:
            if panel["type"] != "table" and not target.get("legendFormat"):
                yield f"{panel.get('title')}: query {target['refId']} has no legend"


def _places(document: Document) -> Iterator[str]:
    for number, times in Counter(panel["id"] for panel in document["panels"]).items():
        if times > 1:
            yield f"{times} panels have the id {number}"
    boxes = [(panel.get("title"), panel["gridPos"]) for panel in document["panels"]]
    for title, box in boxes:
        if box["x"] + box["w"] > 24 or min(box["w"], box["h"]) < 1:
            yield f"{title} lies outside of the grid"
    for (one, a), (other, b) in combinations(boxes, 2):
        if _overlap(a["x"], a["w"], b["x"], b["w"]) and _overlap(a["y"], a["h"], b["y"], b["h"]):
            yield f"{one} and {other} overlap"


def _overlap(one: int, size: int, other: int, other_size: int) -> bool:
    return one < other + other_size and other < one + size


def _kinds(document: Document) -> Iterator[str]:
    for panel in panels(document):
        if panel["type"] not in KINDS:
            yield f"{panel['title']}: {panel['type']} can't be drawn without Grafana"
        if not panel["targets"]:
            yield f"{panel['title']} asks nothing"
        if len({target["refId"] for target in panel["targets"]}) < len(panel["targets"]):
            yield f"{panel['title']}: two queries under one letter"


def _promql(document: Document) -> Iterator[str]:
    for where, expr in queries(document):
        try:
            promql.parse(filled(expr, ALL))
        except ValueError as error:
            yield f"{where}: {error}"


def _windows(document: Document) -> Iterator[str]:
    for where, expr in queries(document):
        for window in re.findall(r"\[([^\]:]*)", expr):
            if window not in WINDOWS:
                yield f"{where}: [{window}] fits one scrape interval only; write [$__rate_interval]"


def _metrics(document: Document) -> Iterator[str]:
    known = known_metrics()
    for where, expr in queries(document):
        for name, matchers, function in _selectors(expr):
            if name not in known:
                yield f"{where}: nobody makes {name}"
            if _counts(name) and function not in OVER_TIME:
                yield f"{where}: {name} only grows; ask for its rate"
            if not _counts(name) and function in ("rate", "increase", "irate"):
                yield f"{where}: {name} is no counter and has no rate"
            if "storehand" in name and not {"namespace", "release"} <= matchers.keys():
                yield f"{where}: {name} comes from everywhere, whatever is chosen above"
            if "storehand" in name and ("pool" in matchers) is (name in POOLLESS):
                yield f"{where}: {name} must follow the chosen pool, or carries none and would vanish with one"


def _counts(name: str) -> bool:
    return ":" not in name and name.endswith(("_total", *HISTOGRAM_PARTS))


def _selectors(expr: str) -> list[tuple[str, Mapping[str, str], str | None]]:
    try:
        return list(selectors(expr))
    except ValueError:
        return []  # said by the check before


def _links(document: Document) -> Iterator[str]:
    kinds = {each["type"] for each in document.get("links", ())}
    if kinds != {"dashboards", "link"}:
        yield "no way to the other dashboards, or to the alerts"


CHECKS: tuple[Check, ...] = (
    _head, _datasource, _choices, _words, _places, _kinds, _promql, _windows, _metrics, _links,
)  # fmt: skip
