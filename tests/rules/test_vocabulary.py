"""Every series and label that rules, dashboards, the chart and the pages name is one that somebody makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storehand_worker.operation.rules import ALERTS, RECORDS, RUNBOOKS
from tests.chart.render import ci_files, render
from tests.dashboards.lint import ALL, filled
from tests.rules.vocabulary import ROOT, known, named, unknown

OTHER_WORDS = frozenset({"docs/bulk.md", "docs/plugins.md"})
"""Columns and packages begin with the same word there."""

PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "*.yaml",
        "docs/**/*.md",
        "helm/**/*.yaml",
        "helm/**/*.tpl",
        "helm/**/*.md",
        "helm/**/*.txt",
    )
    for path in ROOT.glob(pattern)
    if str(path.relative_to(ROOT)) not in OTHER_WORDS
)


@pytest.mark.parametrize("rule", [*RECORDS, *ALERTS], ids=lambda rule: rule.name)
def test_a_rule_asks_for_series_and_labels_that_exist(rule):
    assert unknown(rule.expression) == []


def test_dashboards_ask_for_series_and_labels_that_exist():
    files = sorted((ROOT / "helm/dashboards").glob("*.json"))
    assert files

    asked = {each for file in files for each in _expressions(json.loads(file.read_text(encoding="utf-8")))}

    assert asked
    assert {each: unknown(filled(each, ALL)) for each in asked if unknown(filled(each, ALL))} == {}


def test_what_keda_asks_for_exists():
    asked = {
        trigger["metadata"]["query"]
        for values in ci_files().values()
        for document in render(values, kubernetes="1.37.0")
        if document["kind"] == "ScaledObject"
        for trigger in document["spec"]["triggers"]
        if trigger["type"] == "prometheus"
    }

    assert asked
    assert [wrong for each in asked for wrong in unknown(each)] == []


def test_queries_in_the_pages_are_promql_over_series_that_exist():
    asked = {
        line.strip()
        for page in PAGES
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    }

    assert len(asked) > 40
    assert {each: unknown(each) for each in asked if unknown(each)} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_series_that_exist(page: Path):
    assert named(page.read_text(encoding="utf-8")) - known().keys() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_alerts_that_exist(page: Path):
    words = set(re.findall(r"\bStorehand[A-Z]\w+", page.read_text(encoding="utf-8")))

    assert words - {alert.name for alert in ALERTS} - {"StorehandError"} == set()


@pytest.mark.parametrize(
    ("expression", "flaw"),
    [
        ("sum(storehand_jobs_waitng)", "nobody makes storehand_jobs_waitng"),
        ('storehand_jobs_waiting{outcome="failed"}', "storehand_jobs_waiting has no label outcome"),
        ("rate(storehand_e2e_seconds[5m])", "nobody makes storehand_e2e_seconds"),
        ("sum by (model) (storehand_jobs_waiting)", "no series here has the label model"),
        ("max(pool:storehand_required_worker:sum)", "nobody makes pool:storehand_required_worker:sum"),
    ],
)
def test_a_misspelt_name_is_found(expression, flaw):
    assert unknown(expression) == [flaw]


def test_names_are_found_in_prose():
    text = (
        f"`pool:storehand_slo_errors:ratio_rate{{5m,1h}}`, storehand_nonsense_total; {RUNBOOKS} and storehand_worker.py"
    )

    assert named(text) == {
        "pool:storehand_slo_errors:ratio_rate5m",
        "pool:storehand_slo_errors:ratio_rate1h",
        "storehand_nonsense_total",
    }


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _expressions(each)
