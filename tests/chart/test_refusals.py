"""Every unsafe setting that the chart refuses has its case, and so has every sentence it can say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.chart import strict_yaml
from tests.chart.matrix import BASE, refusal
from tests.chart.render import CHART, render

CASES: dict[str, list[dict[str, Any]]] = strict_yaml.documents(
    (Path(__file__).parent / "refusals.yaml").read_text(encoding="utf-8")
)[0]
NUMBERED = [(name, number) for name, cases in CASES.items() for number in range(len(cases))]
VALIDATE = (CHART / "templates" / "_validate.tpl").read_text(encoding="utf-8")

WRONG = [
    ({"pool": {}}, "'pool' not allowed"),
    ({"pools": {"text": {"queue": ["text"]}}}, "'queue' not allowed"),
    ({"poolDefaults": {"drain": {"graceSecond": 60}}}, "'graceSecond' not allowed"),
    ({"pools": {"text": {"gpu": {"count": "one"}}}}, "want integer"),
    ({"pools": {"text": {"concurrency": 1}}}, "minimum"),
    ({"pools": {"text": {"autoscaling": {"mode": "vpa"}}}}, "value must be one of"),
    ({"pools": {"text": {"updateStrategy": "blue-green"}}}, "value must be one of"),
    ({"pools": {"Text": {"queues": ["text"]}}}, "'Text' does not match"),
    ({"pools": {"text": {"slo": {"objective": 1}}}}, "exclusiveMaximum|must be less"),
    ({"pools": [{"name": "text"}]}, "want object"),
    ({"broker": {"type": "kafka"}}, "value must be one of"),
    ({"image": {"digest": "sha256:short"}}, "does not match pattern"),
    ({"metrics": {"port": 80}}, "minimum"),
    ({"tracing": {"env": {"PATH": "/"}}}, "PATH"),
    ({"settings": {"delivery_limit": 0}}, "settings/delivery_limit"),
    ({"pools": {"text": {"settings": {"synchronous": True}}}}, "settings/synchronous"),
    ({"keda": {"prometheusMetadata": {"query": "up"}}}, "invalid propertyName 'query'"),
    ({"broker": {"type": None}}, "'/broker': missing property 'type'"),
    ({"networkPolicy": None}, "missing property 'networkPolicy'"),
    ({"poolDefaults": {"drain": None}}, "missing property 'drain'"),
    ({"poolDefaults": {"autoscaling": {"utilization": None}}}, "missing property 'utilization'"),
    ({"image": {"repository": ""}}, "image/repository': '' does not match"),
    ({"pools": {"text": {"dataSize": "2 GB"}}}, "dataSize': '2 GB' does not match"),
    ({"pools": {"text": {"pdb": {"maxUnavailable": "some"}}}}, "maxUnavailable': 'some' does not match"),
    ({"pools": {"text": {"extraEnv": [{"value": "a"}]}}}, "missing property 'name'"),
    ({"store": {"existingSecret": "My Secret"}}, "existingSecret': 'My Secret' does not match"),
]


@cache
def _said(name: str, number: int) -> tuple[str, ...]:
    """The sentences of this refusal in one of its cases."""
    case = CASES[name][number]
    layers = [case["instead"]] if "instead" in case else [BASE, case["values"]]
    cluster = {key: case[key] for key in ("kubernetes", "apis") if key in case}
    found = refusal(*layers, **{key: tuple(each) if key == "apis" else each for key, each in cluster.items()})
    return tuple(re.findall(rf"^- (.*) \[{name}\]$", found, re.MULTILINE))


def test_the_plain_pools_beside_which_all_is_refused_are_fine() -> None:
    assert render(BASE)


@pytest.mark.parametrize(("name", "number"), NUMBERED, ids=[f"{name} {number}" for name, number in NUMBERED])
def test_an_unsafe_setting_is_refused_with_a_sentence(name: str, number: int) -> None:
    assert _said(name, number)


def test_every_refusal_of_the_chart_has_a_case() -> None:
    listed = re.search(r'define "storehand.refusals" -}}\n(.*?)\{\{-? end', VALIDATE, re.DOTALL)
    assert listed

    names = re.findall(r"^- (\w+)$", listed[1], re.MULTILINE)
    assert sorted(names) == sorted(CASES) == sorted(re.findall(r'define "storehand\.refuse\.(\w+)"', VALIDATE))


def test_every_sentence_of_the_chart_is_said_in_a_case() -> None:
    unsaid = []
    for name, body in re.findall(
        r'define "storehand\.refuse\.(\w+)" -}}\n(.*?)(?=\{\{/\*|\{\{- define|\Z)', VALIDATE, re.DOTALL
    ):
        said = [sentence for number in range(len(CASES[name])) for sentence in _said(name, number)]
        sentences = [line for line in body.splitlines() if line and not line.startswith("{{-")]
        assert sentences, f"{name} says nothing"
        unsaid += [line for line in sentences if not any(_pattern(line).fullmatch(each) for each in said)]
    assert unsaid == []


def test_no_template_refuses_beside_the_list() -> None:
    outside = [
        path.name
        for path in (CHART / "templates").rglob("*")
        if path.is_file() and re.search(r"\b(fail|required)\b +[\"(]", path.read_text(encoding="utf-8"))
    ]
    assert outside == ["_validate.tpl"]


@pytest.mark.parametrize(("values", "said"), WRONG, ids=[said for _, said in WRONG])
def test_unknown_keys_and_wrong_types_are_refused_by_the_schema(values: dict[str, Any], said: str) -> None:
    assert re.search(said, refusal(BASE, values))


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = refusal(BASE, {"broker": {"visibilitySeconds": 5}, "pools": {"text": {"softTimeLimitSeconds": 700}}})

    assert re.findall(r"\[(\w+)\]", found) == ["timeLimits", "visibility"]


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a line of the template may become: each action is some text or none."""
    pieces = re.split(r"\{\{.*?\}\}", sentence.strip())
    return re.compile(".*".join(re.escape(piece) for piece in pieces))
