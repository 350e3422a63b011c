"""Our dashboards are what the code says and what a good dashboard is; each check bites when something is broken."""

from __future__ import annotations

import copy
import json
import subprocess

import pytest

from storehand_worker.operation.dashboards import DASHBOARDS
from storehand_worker.operation.dashboards.foreign import FOREIGN, NEEDS_DEVICE
from tests.dashboards.lint import ALL, filled, known_metrics, panels, problems, queries, selectors
from tests.project.dashboards import files
from tests.servers import PrometheusServer
from tests.servers.server import program

DOCUMENTS = {name: json.loads(build()) for name, build in DASHBOARDS.items()}


def test_the_charts_dashboards_are_what_the_code_says():
    found = {file: file.read_text(encoding="utf-8") for file in next(iter(files())).parent.glob("*.json")}

    assert found == files(), "run: python -m tests.project.dashboards --write"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_keeps_every_rule(name):
    assert not problems(DOCUMENTS[name])


def test_all_uids_differ_and_each_dashboard_has_a_panel_for_most_of_what_we_measure():
    asked = {name for document in DOCUMENTS.values() for _, expr in queries(document) for name, *_ in selectors(expr)}

    assert len({document["uid"] for document in DOCUMENTS.values()}) == len(DOCUMENTS)
    assert len(asked & known_metrics()) > 60
    assert asked >= FOREIGN | NEEDS_DEVICE, "what is declared as somebody else's is used"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_promtool_takes_every_expression(name, tmp_path):
    if reason := PrometheusServer.missing():
        pytest.skip(reason)
    rules = [
        {"record": f"throw:away:{number}", "expr": filled(expr, ALL)}
        for number, (_, expr) in enumerate(queries(DOCUMENTS[name]))
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))

    done = subprocess.run(
        [program("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def _first(document, kind="timeseries"):
    return next(panel for panel in panels(document) if panel["type"] == kind)


def _asks(expr):
    def change(document):
        _first(document)["targets"][0]["expr"] = expr

    return change


def _says(**said):
    return lambda document: _first(document).update(said)


PLACE = '{namespace=~"$namespace",release=~"$release",pool=~"$pool"}'


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda d: d.update(editable=True), "can be edited"),
        (lambda d: d.update(uid=""), "no uid"),
        (lambda d: d.update(tags=[]), "without the tag"),
        (lambda d: d.update(schemaVersion=20), "a schema"),
        (lambda d: d["templating"]["list"].pop(0), "not exactly one variable"),
        (lambda d: _first(d)["targets"][0].update(datasource={"uid": "P1809F7CD0C75ACF3"}), "another data source"),
        (lambda d: d["templating"]["list"][3].update(allValue=None), "pool: All must match"),
        (lambda d: d["templating"]["list"].pop(2), "can't be chosen"),
        (_says(title=""), "has no title"),
        (_says(description="Only English."), "no description in both languages"),
        (lambda d: _first(d)["fieldConfig"]["defaults"].pop("unit"), "no unit"),
        (lambda d: _first(d)["targets"][0].pop("legendFormat"), "has no legend"),
        (_says(id=1), "2 panels have the id 1"),
        (lambda d: _first(d)["gridPos"].update(x=20), "outside of the grid"),
        (lambda d: _first(d)["gridPos"].update(x=0), "overlap"),
        (_says(type="piechart"), "can't be drawn"),
        (_says(targets=[]), "asks nothing"),
        (lambda d: _first(d)["targets"].append(_first(d)["targets"][0]), "two queries under one letter"),
        (_asks(f"sum(storehand_slots{PLACE}"), "promql:"),
        (_asks(f"rate(storehand_jobs_total{PLACE}[5m])"), "[5m] fits one scrape interval"),
        (_asks(f"storehand_jobs_wating{PLACE}"), "nobody makes storehand_jobs_wating"),
        (_asks(f"sum(storehand_jobs_total{PLACE})"), "storehand_jobs_total only grows"),
        (_asks(f"rate(storehand_slots{PLACE}[$__rate_interval])"), "storehand_slots is no counter"),
        (_asks('sum(storehand_slots{pool=~"$pool"})'), "storehand_slots comes from everywhere"),
        (_asks('sum(storehand_slots{namespace=~"$namespace",release=~"$release"})'), "must follow the chosen pool"),
        (_asks(f"sum(storehand_dead_letters{PLACE})"), "would vanish with one"),
        (lambda d: d["annotations"]["list"][0].update(expr="nobody"), "nobody makes nobody"),
        (lambda d: d.update(links=[]), "no way to the other dashboards"),
    ],
)
def test_a_broken_dashboard_is_found_out(break_it, words):
    document = copy.deepcopy(DOCUMENTS["overview"])

    break_it(document)

    assert any(words in problem for problem in problems(document)), problems(document)
