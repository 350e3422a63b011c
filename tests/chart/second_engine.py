"""gotpl, an engine for Helm templates in Python, with what Helm puts around one: values, files, capabilities."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from gotpl.exts.helm import HelmTemplateEngine
from helm_python import Chart


class SecondEngine:
    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        metadata = chart.metadata
        self._name = metadata["name"]
        self._metadata = {key[:1].upper() + key[1:]: value for key, value in metadata.items()}
        self._files = {each["name"]: each["data"] for each in chart.files}
        self._sources = {f"{self._name}/{each['name']}": each["data"] for each in chart.templates}
        self._engine = HelmTemplateEngine.from_sources(self._sources)

    def render(self, values: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, str]:
        """Template -> text; HelmError or GotplError where the chart refuses the values."""
        self._chart.validate_schema(dict(values))
        common = {
            "Values": _as_go(self._chart.merge_values(dict(values))),
            "Chart": self._metadata,
            "Files": _Files(self._files),
            "Capabilities": _Capabilities(release["kube_version"], tuple(release["api_versions"])),
            "Release": {
                "Name": release["name"],
                "Namespace": release["namespace"],
                "Service": "Helm",
                "Revision": 1,
                "IsInstall": True,
                "IsUpgrade": False,
            },
        }
        contexts = {
            path: {**common, "Template": {"Name": path, "BasePath": f"{self._name}/templates"}}
            for path in sorted(self._sources)
            if not path.rpartition("/")[2].startswith("_")
        }
        return {path: text for path, text in self._engine.render(contexts).items() if text.strip()}


def _as_go(value: Any) -> Any:
    """Numbers of values files are floating-point in Helm, 1000000 too: a template that forgets it writes 1e+06."""
    if isinstance(value, dict):
        return {key: _as_go(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_go(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Files:
    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def Get(self, name: str) -> str:  # noqa: N802  # Helm's name
        return self._files.get(name, "")

    def Glob(self, pattern: str) -> dict[str, str]:  # noqa: N802  # Helm's name
        return {name: text for name, text in sorted(self._files.items()) if fnmatch.fnmatchcase(name, pattern)}


class _Capabilities:
    def __init__(self, kube_version: str, apis: tuple[str, ...]) -> None:
        major, minor, _ = kube_version.removeprefix("v").split(".")
        self.KubeVersion = {"Version": kube_version, "GitVersion": kube_version, "Major": major, "Minor": minor}
        self.APIVersions = _Versions(apis)
        self.HelmVersion = {"Version": "v4.2"}


class _Versions:
    def __init__(self, apis: tuple[str, ...]) -> None:
        self._apis = apis

    def Has(self, api: str) -> bool:  # noqa: N802  # Helm's name
        return api in self._apis
