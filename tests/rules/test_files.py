"""What the chart and the pages carry is what the code says, and reads as it should."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from storehand_worker.operation.rules import ALERTS, FILES, RECORDS
from storehand_worker.operation.rules.promql import duration_s
from tests.project.rules import ROOT, pages
from tests.rules.promtool import promtool, write_stories
from tests.rules.stories import STORIES

RUNBOOKS = ROOT / "docs" / "runbooks"
CHINESE = re.compile(r"[一-鿿]")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_generated_file_is_what_the_code_says(path):
    assert path.read_text(encoding="utf-8") == pages()[path], "python -m tests.project.rules --write"


def test_promtool_takes_the_chart_s_files():
    checked = promtool("check", "rules", *sorted((ROOT / "helm/rules").glob("*.yaml")))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_one_evaluation_left_out_is_no_gap_in_what_is_recorded():
    """Prometheus looks back for five minutes; where it finds nothing, an alert's `for` starts anew."""
    paces = {group.name: group.interval for groups in FILES.values() for group in groups if group.interval}

    assert {name for name, pace in paces.items() if 2 * duration_s(pace) >= 300} == set()


def test_records_are_named_level_metric_operations():
    assert [
        each.name for each in RECORDS if not re.fullmatch(r"(task|priority|pool):storehand_\w+:\w+", each.name)
    ] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_what_is_wrong_in_both_languages_and_why_it_wakes_somebody_or_not(alert):
    assert alert.name.startswith("Storehand")
    assert alert.severity in ("page", "ticket")
    assert CHINESE.search(alert.summary_zh)
    assert not CHINESE.search(alert.summary + alert.description)
    assert len(alert.why) > 30


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_runbook_tells_what_it_means_where_to_look_what_to_do_and_whom_to_call(alert):
    text = (RUNBOOKS / f"{alert.name}.md").read_text(encoding="utf-8")
    lines = text.splitlines()

    assert lines[0] == f"# {alert.name}"
    assert CHINESE.search(lines[2]), "the first line is Chinese"
    parts = [line for line in lines if line.startswith("## ")]
    assert parts == ["## What it means", "## First looks", "## Causes and cures", "## Escalate"]


def test_a_runbook_names_commands_that_exist():
    reference = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^##+ storehand ([a-z ]+)$", reference, re.MULTILINE))
    first_words = {name.split()[0] for name in known}
    for page in RUNBOOKS.glob("*.md"):
        code = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
        asked = {word for text in code for word in re.findall(r"\bstorehand ([a-z]+)", text)}
        assert asked <= first_words, page.name
        subcommands = {pair for text in code for pair in re.findall(r"\bstorehand ((?:dead|jobs) [a-z]+)", text)}
        assert subcommands <= known, page.name


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("StorehandSloBurnFast", "clamp_max(14.4 * ", "clamp_max(9 * "),
        pytest.param("StorehandSloBurnFast", 'priority!="bulk"', 'priority!=""', marks=pytest.mark.long),
        pytest.param("StorehandSloBurnFast", ">= 5", ">= 1", marks=pytest.mark.long),
        pytest.param("StorehandSloBurnSlow", "ratio_rate30m", "ratio_rate6h", marks=pytest.mark.long),
        (
            "StorehandOldestJobLate",
            "> on (namespace, release, pool, priority) 4 *",
            "> on (namespace, release, pool, priority) 2 *",
        ),
        ("StorehandNoWorker", "> on (namespace, release, pool) max", "> on (namespace, release, pool) -max"),
        ("StorehandNoWorker", " > 2)", " > 99)"),
        ("StorehandStalled", "[10m]", "[2m]"),
        pytest.param(
            "StorehandScalerBlind",
            "unless on (namespace, release) ((max by",
            "and on (namespace, release) ((max by",
            marks=pytest.mark.long,
        ),
        ("StorehandPoisonJobs", "unless last_over_time(storehand_jobs", "and last_over_time(storehand_jobs"),
        ("StorehandDrainKilled", "unless storehand_draining", "and storehand_draining"),
        pytest.param("StorehandMaxedOut", "offset 10m", "offset 10m * 0", marks=pytest.mark.long),
        ("StorehandGpuLost", " == 63", " >= 31"),
        pytest.param("StorehandWorkerKilled", "== 137", ">= 1", marks=pytest.mark.long),
        ("StorehandBrokerUnreachable", "unless on", "or on"),
        ("StorehandExporterDown", "or absent(storehand_exporter_up)", "or absent(storehand_slots)"),
    ],
)
def test_an_alert_that_is_changed_fails_its_stories(tmp_path, name, old, new):
    alert = next(each for each in ALERTS if each.name == name)
    assert old in alert.expression
    changed = replace(alert, expression=alert.expression.replace(old, new))

    files = write_stories(tmp_path, changed, [story for story in STORIES if story.alert == name])

    judged = promtool("test", "rules", *files)
    assert judged.returncode != 0
    assert "FAILED" in judged.stdout + judged.stderr, "not even an expression"


NOT_OURS = frozenset({"check_health", "max_connections"})
"""A plugin's hook, and PostgreSQL's setting."""


def test_a_runbook_names_settings_and_codes_that_exist():
    sources = (
        "docs/settings.md",
        "docs/models.md",
        "helm/values.yaml",
        "shared/storehand/pools.py",
        "shared/storehand/errors.py",
    )
    known = {word for source in sources for word in re.findall(r"\w+", (ROOT / source).read_text(encoding="utf-8"))}
    for page in RUNBOOKS.glob("*.md"):
        named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\.\w+)?`", page.read_text(encoding="utf-8")))
        assert {name for name in named if not name.startswith("storehand_")} - known - NOT_OURS == set(), page.name
