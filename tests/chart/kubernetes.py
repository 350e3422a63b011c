"""Objects judged as an API server would: by the schemas of a Kubernetes version, and of the operators' own kinds."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator
from kubernetes_validate.utils import all_versions, schema_contents
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.chart.render import Document

VERSIONS = ("1.27", "1.32", "1.37")
"""The oldest that is asked for in Chart.yaml, the newest known, and one between."""

CUSTOM = Path(__file__).parent / "crds"
CUSTOM_GROUPS = ("keda.sh/", "monitoring.coreos.com/")
INT32 = 2**31


class UnknownKind(Exception):
    """This Kubernetes version knows no such kind; an API server would say `no matches for kind`."""


def problems(document: Document, version: str) -> list[str]:
    """What is wrong with one object, unknown fields included; empty where an API server takes it."""
    is_custom = document["apiVersion"].startswith(CUSTOM_GROUPS)  # an operator's kind is the same in every cluster
    return list(_problems(json.dumps(document), VERSIONS[-1] if is_custom else version))


@cache
def _problems(text: str, version: str) -> tuple[str, ...]:
    """Remembered: most objects are the same whatever is turned on."""
    document = json.loads(text)
    validator = _validator(document["apiVersion"], document["kind"], version)
    name = f"{document['kind']}/{document.get('metadata', {}).get('name')}"
    return tuple(f"{name} {error.json_path}: {error.message}" for error in validator.iter_errors(document))


@cache
def _validator(api: str, kind: str, version: str) -> Validator:
    if api.startswith(CUSTOM_GROUPS):
        schema = json.loads((CUSTOM / f"{kind}.json").read_text(encoding="utf-8"))
    else:
        schema = _core_schema(api, kind, version)
    return Draft202012Validator(schema, registry=_registry(version), format_checker=_formats())


def _core_schema(api: str, kind: str, version: str) -> dict[str, Any]:
    group, _, api_version = api.rpartition("/")
    stem = f"{kind.lower()}-{group.partition('.')[0] + '-' if group else ''}{api_version}"
    try:
        schema: dict[str, Any] = schema_contents(f"kubernetes-json-schema/{_folder(version)}/{stem}.json", version)
    except FileNotFoundError:
        raise UnknownKind(f"Kubernetes {version} knows no {kind} of {api}") from None
    return schema


@cache
def _registry(version: str) -> Registry[Any]:
    """The definitions of Kubernetes by both names: as its own schemas refer to them, and as those in crds/ do."""
    path = f"kubernetes-json-schema/{_folder(version)}/_definitions.json"
    contents = schema_contents(path, version)
    definitions = Resource.from_contents(contents, default_specification=DRAFT202012)
    aliases = {
        "kubernetes:" + re.sub(r"(?:^|[.-])(\w)", lambda found: found[1].upper(), name): DRAFT202012.create_resource(
            {"$ref": f"{contents['$id']}#/$defs/{name}"}
        )
        for name in contents["$defs"]
    }
    return (definitions @ Registry()).with_resources(aliases.items())


@cache
def _folder(version: str) -> str:
    full = next(each for each in all_versions() if each.startswith(f"{version}."))
    return f"v{full}-local-strict"


@cache
def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("int32")(lambda value: not isinstance(value, int) or -INT32 <= value < INT32)
    return checker
