"""promtool, and how stories become its test files."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from storehand_worker.operation.rules import ALERTS, RECORDS, Alert, Record
from tests.rules.story import Story
from tests.servers.server import program

_RECORDED = re.compile(r"\b(?:task|priority|pool|release):storehand_\w+:\w+")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def needed(expression: str) -> list[Record]:
    """What it stands on, in the order of evaluation."""
    wanted = set(_RECORDED.findall(expression))
    for record in reversed(RECORDS):
        if record.name in wanted:
            wanted |= set(_RECORDED.findall(record.expression))
    return [record for record in RECORDS if record.name in wanted]


def alert_named(name: str) -> Alert:
    return next(each for each in ALERTS if each.name == name)


def write_rules(path: Path, rules: Sequence[Record | Alert]) -> Path:
    """Without annotations: promtool would want them spelt out in every test."""
    bare = [{key: value for key, value in rule.as_yaml().items() if key != "annotations"} for rule in rules]
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": bare}]}))  # JSON is YAML
    return path


def write_stories(folder: Path, alert: Alert, stories: Iterable[Story]) -> list[Path]:
    """One file for each pace of evaluation."""
    rules = write_rules(folder / f"{alert.name}.rules.json", [*needed(alert.expression), alert])
    found: list[Path] = []
    for every in sorted({story.every for story in stories}):
        tests = [_test(alert, story) for story in stories if story.every == every]
        path = folder / f"{alert.name}.{every}.test.json"
        path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": every, "tests": tests}))
        found.append(path)
    return found


def _test(alert: Alert, story: Story) -> dict[str, Any]:
    labels = {"severity": alert.severity, **story.labels}
    moments = [
        *((minute, []) for minute in story.quiet),
        *((minute, [{"exp_labels": labels}]) for minute in story.fires),
    ]
    return {
        "name": story.title,
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in story.given.items()],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": alert.name, "exp_alerts": expected}
            for minute, expected in sorted(moments, key=lambda moment: moment[0])
        ],
    }
