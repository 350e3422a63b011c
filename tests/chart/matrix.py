"""Values that the chart is rendered with: its examples, and each thing a user may turn on over two plain pools."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tests.chart import kubernetes, names, pod_security, references, settings_of, strict_yaml
from tests.chart.pods import pods
from tests.chart.render import Document, Refused, Values, ci_files, defaults, merged, render

_WRITTEN = strict_yaml.documents((Path(__file__).parent / "toggles.yaml").read_text(encoding="utf-8"))[0]
BASE: Values = _WRITTEN["base"]
TOGGLES: dict[str, Values] = _WRITTEN["toggles"]
OLDEST, NEWEST = f"{kubernetes.VERSIONS[0]}.0", f"{kubernetes.VERSIONS[-1]}.0"


@cache
def examples() -> dict[str, dict[str, Any]]:
    return ci_files()


def objections(*layers: Values) -> list[str]:
    """What the judges have against the chart with these values; Refused where the chart has something against them."""
    documents, versions = _for_old_clusters(*layers)
    values = merged(defaults(), *layers)
    found = [each for document in documents for version in versions for each in kubernetes.problems(document, version)]
    if values["podSecurity"] == "restricted":
        found += [
            each for pod in pods(documents) for each in (*pod_security.violations(pod), *pod_security.beyond(pod))
        ]
    found += [*names.wrong_names(documents), *names.wrong_selectors(documents)]
    found += references.dangling(documents, values)
    found += references.leaks(documents, [url for url in (values["broker"]["url"], values["store"]["url"]) if url])
    return found + settings_of.bad_settings(documents, broker=values["broker"]["type"])


def _for_old_clusters(*layers: Values) -> tuple[list[Document], tuple[str, ...]]:
    """Rendered for the oldest Kubernetes, to be judged by all; what that one does not have, for the newest alone."""
    try:
        return render(*layers, kubernetes=OLDEST), kubernetes.VERSIONS
    except Refused:
        return render(*layers, kubernetes=NEWEST), kubernetes.VERSIONS[-1:]


def refusal(*layers: Values, **options: Any) -> str:
    """Why the chart refuses the values; empty where it takes them."""
    try:
        render(*layers, **{"kubernetes": NEWEST, **options})
    except Refused as refused:
        return str(refused)
    return ""
