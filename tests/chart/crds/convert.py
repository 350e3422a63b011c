"""Schemas of custom resources, read out of compiled validators: `python -m tests.chart.crds.convert PACKAGE...`.

The npm packages `@kubernetes-models/keda` and `@kubernetes-models/prometheus-operator` carry a validating function per
type of the operators' Go API. Each was compiled from a small schema and says what it checks in the errors it makes;
here that schema is put together again. A type of Kubernetes itself stays a reference into Kubernetes' definitions.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
KINDS = {
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}
KUBERNETES = "kubernetes:"
"""What a reference to a type of Kubernetes begins with; then its name without dots."""

BOUNDS = {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}


NEWER = {"Fallback": ("behavior", "scalingModifiers")}
"""Words of an enumeration that came after the packages: KEDA 2.20 (kedacore/keda pull request 7790)."""


class Package:
    """The validators of one npm package, unpacked in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "_schemas"

    def schema(self, kind: str) -> dict[str, Any] | None:
        """The kind's schema with the types it refers to; None where this package does not know it."""
        found = [path for path in self._folder.glob(f"*{kind}.js") if path.stem.endswith(f"1{kind}")]
        if not found:
            return None
        definitions: dict[str, Any] = {}
        self._read(found[0].stem, definitions)
        root = definitions.pop(_short(found[0].stem))
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **root,
            "$defs": dict(sorted(definitions.items())),
        }

    def _read(self, name: str, definitions: dict[str, Any]) -> None:
        if _short(name) in definitions:
            return
        module = self._module(name)
        definitions[_short(name)] = made = module.schema()
        if _short(name) in NEWER:
            field, word = NEWER[_short(name)]
            made["properties"][field]["enum"].append(word)
        for other in module.own_imports():
            self._read(other, definitions)

    def _module(self, name: str) -> Module:
        return Module((self._folder / f"{name}.js").read_text(encoding="utf-8"), self._module)


class Module:
    """One compiled file: imports, tables and functions."""

    def __init__(self, text: str, other: Callable[[str], Module]) -> None:
        self._other = other
        self._imports = dict(re.findall(r'import\{validate as (validate\d+)\}from"([^"]+)"', text))
        self._tables = {name: json.loads(rows) for name, rows in re.findall(r"let (schema\d+_enum)=(\[[^\]]*\])", text)}
        parts = re.split(r"function (validate\d+)\(data,", text)
        self._bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
        named = re.search(r"export const validate=(validate\d+)", text)
        assert named, "a module without a validator"
        self._root = named[1]

    def schema(self) -> dict[str, Any]:
        return self._function(self._root)

    def own_imports(self) -> Iterator[str]:
        """Types of the same package."""
        yield from (Path(path).stem for path in self._imports.values() if path.startswith("./"))

    def _function(self, name: str) -> dict[str, Any]:
        if name in self._imports:
            path = self._imports[name]
            return {
                "$ref": f"#/$defs/{_short(Path(path).stem)}" if path.startswith("./") else KUBERNETES + Path(path).name
            }
        body = self._bodies[name]
        made: dict[str, Any] = {}
        for keyword, given in re.findall(r'keyword:"(\w+)",params:\{(.*?)\}\}', body):
            self._check(made, keyword, given)
        properties = re.findall(r"void 0!==data(?:\.([\w$]+)|\[\"([^\"]+)\"\])&&\((validate\d+)\(", body)
        if properties:
            made["properties"] = {plain or quoted: self._function(other) for plain, quoted, other in properties}
            made["additionalProperties"] = False
        if values := re.search(r"in data\)(validate\d+)\(data\[key\d+\]", body):
            made["additionalProperties"] = self._function(values[1])
        if items := re.search(r"(validate\d+)\(data\[i\d+\]", body):
            made["items"] = self._function(items[1])
        for other in re.findall(r"(validate\d+)\(data,\{instancePath,", body):
            self._embed(made, other)
        return made

    def _embed(self, made: dict[str, Any], name: str) -> None:
        """What is checked of the same value: the fields of an embedded Go struct, or the type of a named string."""
        schema = self._function(name)
        if made.get("type") == "object" and "$ref" in schema:
            schema = self._other(Path(self._imports[self._named(name)]).stem).schema()
        made["properties"] = {**schema.pop("properties", {}), **made.get("properties", {})}
        made["required"] = [*schema.pop("required", []), *made.get("required", [])]
        made |= schema
        for key in [key for key in ("properties", "required") if not made[key]]:
            del made[key]

    def _named(self, name: str) -> str:
        """The import behind functions that only call on."""
        while name not in self._imports:
            name = re.findall(r"(validate\d+)\(data,\{instancePath,", self._bodies[name])[0]
        return name

    def _check(self, made: dict[str, Any], keyword: str, given: str) -> None:
        if keyword == "required":
            made.setdefault("required", []).append(re.findall(r'"([^"]+)"', given)[0])
        elif keyword == "enum":
            made["enum"] = self._tables[given.rpartition(":")[2]]
        elif keyword in BOUNDS:
            made[keyword] = json.loads(given.rpartition(":")[2])
        elif keyword in ("type", "pattern", "format"):
            made[keyword] = json.loads(given.partition(":")[2].replace("\\/", "/"))
        else:
            raise AssertionError(f"no rule for the keyword {keyword}")


def _short(name: str) -> str:
    return re.sub(r"^.*(V\d+(?:alpha\d+|beta\d+)?)(?=[A-Z])", "", name)


def main(folders: list[str]) -> None:
    packages = [Package(Path(folder)) for folder in folders]
    for kind in KINDS:
        schema = next(found for package in packages if (found := package.schema(kind)))
        (FOLDER / f"{kind}.json").write_text(json.dumps(schema, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
