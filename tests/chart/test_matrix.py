"""The chart with every example, every toggle, and pairs of them: what comes out would be admitted, start and serve."""

from __future__ import annotations

import pytest

from tests.chart.matrix import BASE, NEWEST, TOGGLES, examples, objections
from tests.chart.render import render

EXAMPLES = sorted(examples())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_beyond_reproach(example: str) -> None:
    assert objections(examples()[example]) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_two_engines_make_the_same_of_an_example(example: str) -> None:
    values = examples()[example]

    assert render(values, kubernetes=NEWEST) == render(values, engine="second", kubernetes=NEWEST)


@pytest.mark.parametrize("toggle", TOGGLES)
def test_a_toggle_is_beyond_reproach(toggle: str) -> None:
    assert objections(BASE, TOGGLES[toggle]) == []
