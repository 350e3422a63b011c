"""The chart with every example, every toggle, and pairs of them: what comes out would be admitted, start and serve."""

from __future__ import annotations

import re
from collections.abc import Iterable

import helm_python
import pytest

from tests.chart import strict_yaml
from tests.chart.matrix import BASE, NEWEST, OLDEST, TOGGLES, examples, objections
from tests.chart.render import CHART, Refused, Values, render, render_texts

EXAMPLES = sorted(examples())


def test_the_oldest_kubernetes_that_is_judged_by_is_the_oldest_that_the_chart_accepts() -> None:
    chart = strict_yaml.documents((CHART / "Chart.yaml").read_text(encoding="utf-8"))[0]

    assert chart["kubeVersion"] == f">={OLDEST}-0"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_beyond_reproach(example: str) -> None:
    assert objections(examples()[example]) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_two_engines_make_the_same_of_an_example(example: str) -> None:
    values = examples()[example]

    assert render(values, kubernetes=NEWEST) == render(values, engine="second", kubernetes=NEWEST)


@pytest.mark.parametrize("example", EXAMPLES)
def test_helms_own_lint_has_nothing_to_say_of_an_example(example: str) -> None:
    report = helm_python.lint(CHART, examples()[example], strict=True, namespace="ai", kube_version=f"v{NEWEST}")

    assert [each for each in report["messages"] if each["severity"] > 1] == report["errors"] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_text_shows_a_slip_of_the_template_language(example: str) -> None:
    for path, text in render_texts(examples()[example], kubernetes=NEWEST).items():
        assert not re.search(r"<no value>|%!|<nil>|map\[", text), path


@pytest.mark.parametrize("toggle", TOGGLES)
def test_a_toggle_is_beyond_reproach(toggle: str) -> None:
    assert objections(BASE, TOGGLES[toggle]) == []


@pytest.mark.long
@pytest.mark.parametrize("toggle", TOGGLES)
def test_two_engines_make_the_same_of_a_toggle(toggle: str) -> None:
    layers = BASE, TOGGLES[toggle]

    assert render(*layers, kubernetes=NEWEST) == render(*layers, engine="second", kubernetes=NEWEST)


@pytest.mark.long
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_toggle_over_an_example_is_refused_with_a_reason_or_beyond_reproach(example: str) -> None:
    _judge_all((examples()[example], values) for values in TOGGLES.values())


@pytest.mark.long
@pytest.mark.parametrize("toggle", TOGGLES)
def test_two_toggles_together_are_refused_with_a_reason_or_beyond_reproach(toggle: str) -> None:
    later = list(TOGGLES)[list(TOGGLES).index(toggle) + 1 :]
    _judge_all((BASE, TOGGLES[toggle], TOGGLES[other]) for other in later)


def _judge_all(values: Iterable[tuple[Values, ...]]) -> None:
    found: list[str] = []
    for layers in values:
        try:
            found += [f"{layers[1:]}: {each}" for each in objections(*layers)]
        except Refused as refused:
            if not re.search(r"^- .+ \[\w+\]$", str(refused), re.MULTILINE):
                found.append(f"{layers[1:]}: refused without a reason of ours: {refused}")
    assert found == []
