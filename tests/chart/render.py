"""The chart, rendered: by Helm's own engine (Helm 4, as a library), and by a second one, written apart from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from gotpl.errors import TemplateError
from helm_python import Chart, HelmError, _native

from tests.chart import strict_yaml
from tests.chart.second_engine import SecondEngine

CHART = Path(__file__).parents[2] / "helm"
OPERATORS = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
KUBERNETES = "1.34.0"

Engine = Literal["helm", "second"]
Document = dict[str, Any]
Values = Mapping[str, Any]


class Refused(Exception):
    """The chart, or the schema of its values, says no; the text is what a user would read."""


def render(
    *layers: Values,
    engine: Engine = "helm",
    kubernetes: str = KUBERNETES,
    apis: tuple[str, ...] = OPERATORS,
    chart: Path = CHART,
) -> list[Document]:
    """All objects, tests included. Later layers win, as with `helm template -f a -f b`."""
    texts = render_texts(*layers, engine=engine, kubernetes=kubernetes, apis=apis, chart=chart)
    return [
        each for path, text in texts.items() if not path.endswith("NOTES.txt") for each in strict_yaml.documents(text)
    ]


def render_texts(
    *layers: Values,
    engine: Engine = "helm",
    kubernetes: str = KUBERNETES,
    apis: tuple[str, ...] = OPERATORS,
    chart: Path = CHART,
) -> dict[str, str]:
    """Template -> what it made of the values; NOTES.txt too."""
    release = {"name": "shop", "namespace": "ai", "kube_version": f"v{kubernetes}", "api_versions": list(apis)}
    values = merged(*layers)
    try:
        if engine == "second":
            return _second(chart).render(values, release)
        # the library's own `render` does not pass on the version of Kubernetes
        answer = _native.call_string("helm_render", _loaded(chart)._raw(), json.dumps(values), json.dumps(release))
    except (HelmError, TemplateError) as error:
        raise Refused(str(error)) from None
    rendered: dict[str, str] = json.loads(answer)
    return {path: text for path, text in sorted(rendered.items()) if text.strip()}


def merged(*layers: Values) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = whole.get(key)
            whole[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return whole


def defaults(chart: Path = CHART) -> dict[str, Any]:
    return _loaded(chart).values


def ci_files(chart: Path = CHART) -> dict[str, dict[str, Any]]:
    """Name -> values of each example that comes with the chart."""
    return {
        path.name.removesuffix("-values.yaml"): strict_yaml.documents(path.read_text(encoding="utf-8"))[0]
        for path in sorted((chart / "ci").glob("*-values.yaml"))
    }


@cache
def _loaded(chart: Path) -> Chart:
    return Chart.load(chart)


@cache
def _second(chart: Path) -> SecondEngine:
    return SecondEngine(_loaded(chart))
