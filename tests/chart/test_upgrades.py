"""An upgrade is taken by the API server: what can't be changed there is either the same or bears a new name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.matrix import BASE, NEWEST, TOGGLES
from tests.chart.render import Document, Refused, Values, render

CACHED: Values = {
    "models": {"text": {"model": "Qwen/Qwen3-4B-Instruct-2507", "revision": "c" * 40}},
    "poolDefaults": {"modelCache": {"type": "pvc", "prefetch": True}, "placeholder": {"replicas": 1}},
}
MOVES = {"long names", "long name of the chart", "models kept", "models kept for one pod", "one claim for one pod"}
"""Other names for all, another claim: nobody can do that by an upgrade."""
CHANGES: dict[str, Values] = {
    "another node": {"poolDefaults": {"nodeSelector": {"disk": "fast"}}},
    "another account": {"serviceAccount": {"name": "shop"}},
    "another label": {"commonLabels": {"team": "search"}},
    "another secret of images": {"imagePullSecrets": [{"name": "pull"}]},
    "more room": {"poolDefaults": {"tmpSize": "9Gi"}},
    "a GPU": {"poolDefaults": {"gpu": {"enabled": True}}},
    "another version": {"image": {"tag": "9.9.9"}},
    "another priority": {"placeholders": {"priorityClass": {"value": -7}}},
}

SOON = ("another node", "another priority")


@pytest.mark.parametrize(
    "change", [name if name in SOON else pytest.param(name, marks=pytest.mark.long) for name in CHANGES]
)
def test_what_can_t_be_changed_gets_a_new_name(change: str) -> None:
    before, after = _fixed(BASE, CACHED), _fixed(BASE, CACHED, CHANGES[change])

    assert {kind for kind, _ in before} == {"Deployment", "Job", "PriorityClass", "PersistentVolumeClaim"}
    assert [name for name in before.keys() & after.keys() if before[name] != after[name]] == []


@pytest.mark.long
@pytest.mark.parametrize("toggle", [name for name in TOGGLES if name not in MOVES])
def test_turning_something_on_changes_nothing_that_can_t_be_changed(toggle: str) -> None:
    try:
        after = _fixed(BASE, CACHED, TOGGLES[toggle])
    except Refused:
        return
    before = _fixed(BASE, CACHED)

    assert [name for name in before.keys() & after.keys() if before[name] != after[name]] == []


def _fixed(*layers: Values) -> dict[tuple[str, str], Any]:
    """Object -> the part of it that the API server lets nobody change."""
    found = {}
    for each in render(*layers, kubernetes=NEWEST):
        part = _unchangeable(each)
        if part is not None:
            found[each["kind"], each["metadata"]["name"]] = part
    return found


def _unchangeable(document: Document) -> Any:
    match document["kind"]:
        case "Deployment":
            return document["spec"]["selector"]
        case "Job":
            return document["spec"]["template"]
        case "PersistentVolumeClaim":
            return {key: value for key, value in document["spec"].items() if key != "resources"}
        case "PriorityClass":
            return document["value"]
        case _:
            return None
